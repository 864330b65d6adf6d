// What `dorsal up` checks and makes, without a MySQL server.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "app/find_mysqld.h"
#include "app/prepare.h"
#include "app/role_certificates.h"
#include "app/up_checks.h"
#include "app/up_plan.h"
#include "app/work_lock.h"
#include "edge/coord/test_folder.h"
#include "edge/io/certificates.h"

namespace dorsal::app {
namespace {

using coord::TestFolder;

// A listener on a port that the system chose; its neighbours are likely to be free.
class BusyPort {
 public:
  BusyPort() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~BusyPort() { ::close(socket_); }
  int port() const { return port_; }

 private:
  int socket_;
  int port_ = 0;
};

class UpTest : public ::testing::Test {
 protected:
  UpTest() {
    write_program("mysqld", "mysqld  Ver 9.7.4 for Linux on x86_64 (Test)");
    options_.dir = folder_.file("cluster");
    options_.nodes = 1;
    options_.port_base = 21030;
    environment_["DORSAL_MYSQLD"] = folder_.file("mysqld");
  }

  void write_program(const std::string& name, const std::string& banner) {
    std::ofstream(folder_.file(name)) << "#!/bin/sh\necho '" << banner << "'\n";
    ::chmod(folder_.file(name).c_str(), 0755);
  }
  Environment environment() {
    return [this](const std::string& name) -> std::optional<std::string> {
      auto found = environment_.find(name);
      if (found == environment_.end()) return std::nullopt;
      return found->second;
    };
  }
  Result<UpPlan> plan() { return plan_up(options_, environment()); }
  std::string refusal() {
    auto planned = plan();
    EXPECT_FALSE(std::filesystem::exists(options_.dir)) << "something was made";
    return planned ? "accepted" : planned.error().message;
  }
  void make() {
    auto planned = plan();
    ASSERT_TRUE(planned) << planned.error().message;
    auto lock = lock_work(planned->cluster, [](const std::string&) {});
    ASSERT_TRUE(lock);
    auto prepared = prepare(*planned, options_);
    ASSERT_TRUE(prepared) << prepared.error().message;
  }
  std::string read(const std::string& name) {
    return io::read_file(options_.dir + "/" + name).value();
  }
  mode_t mode(const std::string& name) {
    struct stat seen {};
    EXPECT_EQ(::stat((options_.dir + "/" + name).c_str(), &seen), 0) << name;
    return seen.st_mode & 0777;
  }
  std::map<std::string, std::string> content() {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.dir)) {
      auto name = entry.path().lexically_relative(options_.dir).string();
      bool is_volatile = name.starts_with("store.db") || name.ends_with(".lock");
      if (entry.is_regular_file() && !is_volatile) files[name] = read(name);
    }
    return files;
  }

  TestFolder folder_;
  UpOptions options_;
  std::map<std::string, std::string> environment_;
};

TEST_F(UpTest, PlanningMakesNothing) {
  ASSERT_TRUE(plan());
  EXPECT_FALSE(std::filesystem::exists(options_.dir));
}

TEST_F(UpTest, APortInUseIsRefusedWithTheProcess) {
  BusyPort busy;
  options_.port_base = busy.port() - 3;
  auto message = refusal();
  auto begin = "port " + std::to_string(busy.port()) + ", which proxy needs, is in use by ";
  EXPECT_TRUE(message.starts_with(begin)) << message;
  EXPECT_NE(message.find("pid " + std::to_string(::getpid())), std::string::npos) << message;
}

TEST_F(UpTest, AMysqldThatIsTooOldIsRefused) {
  write_program("mysqld", "mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL)");
  auto message = refusal();
  EXPECT_TRUE(message.starts_with("DORSAL_MYSQLD: " + folder_.file("mysqld"))) << message;
  EXPECT_TRUE(message.ends_with("it is 5.7.44; Dorsal needs 8.0.26 or newer")) << message;
}

TEST_F(UpTest, AFolderThatCannotBeMadeIsNamed) {
  options_.dir = "/proc/dorsal";
  EXPECT_NE(refusal().find("/proc/dorsal"), std::string::npos);
}

TEST_F(UpTest, MariaDbIsRefused) {
  write_program("mysqld", "mysqld  Ver 10.11.6-MariaDB for Linux on x86_64");
  EXPECT_NE(refusal().find("it is MariaDB"), std::string::npos);
}

TEST_F(UpTest, AMysqldThatDoesNotExistIsRefused) {
  options_.mysqld = "/nonexistent/mysqld";
  EXPECT_EQ(refusal(), "/nonexistent/mysqld is no program");
}

TEST_F(UpTest, NoMysqldAnywhereIsRefused) {
  environment_ = {{"PATH", folder_.file("empty")}, {"HOME", folder_.path()}};
  if (std::filesystem::exists("/usr/sbin/mysqld")) GTEST_SKIP() << "this machine has one";
  EXPECT_TRUE(refusal().starts_with("there is no mysqld; install MySQL 8.0.26 or newer"));
}

TEST_F(UpTest, TooLittleMemoryIsRefused) {
  options_.buffer_pool = "100T";
  EXPECT_NE(refusal().find("choose fewer --nodes or a smaller --buffer-pool"), std::string::npos);
}

TEST_F(UpTest, AWrongSizeIsRefused) {
  options_.buffer_pool = "big";
  EXPECT_NE(refusal().find("must be a size such as 128M or 2G, not 'big'"), std::string::npos);
}

TEST_F(UpTest, AFolderOfSomebodyElseIsRefusedAndStaysAsItIs) {
  std::filesystem::create_directories(options_.dir);
  std::ofstream(options_.dir + "/thesis.tex") << "text";
  EXPECT_NE(plan().error().message.find("is not empty and holds no cluster"), std::string::npos);
  EXPECT_EQ(content().size(), 1u);
}

TEST_F(UpTest, EverythingIsMade) {
  options_.nodes = 2;
  make();
  EXPECT_EQ(mode(""), 0700u);
  for (const char* file : {"dorsal", "replication", "clone", "monitor", "app", "root"}) {
    EXPECT_EQ(mode(std::string("secrets/") + file), 0600u);
    EXPECT_EQ(read(std::string("secrets/") + file).size(), 33u);
  }
  for (const char* role : {"ca", "node1", "node2", "proxy"}) {
    EXPECT_EQ(mode(std::string("tls/") + role + "-key.pem"), 0600u);
    EXPECT_TRUE(read(std::string("tls/") + role + ".pem").starts_with("-----BEGIN CERTIFICATE"));
  }
  EXPECT_EQ(mode("store.db"), 0600u);
  EXPECT_EQ(mode("client.cnf"), 0600u);
  EXPECT_EQ(read("client.cnf"),
            "[client]\nuser=app\npassword=\"" + read("secrets/app").substr(0, 32) +
                "\"\nhost=127.0.0.1\nport=21033\nprotocol=tcp\n");
}

TEST_F(UpTest, TheConfigurationsLeadToTheSamePlaces) {
  make();
  auto proxy = load_config(options_.dir + "/dorsal.yaml", environment(), {});
  auto node = load_config(options_.dir + "/node1/dorsal.yaml", environment(), {});
  ASSERT_TRUE(proxy && node);
  EXPECT_EQ(proxy->cluster.store, options_.dir + "/store.db");
  EXPECT_EQ(node->cluster.store, proxy->cluster.store);
  EXPECT_EQ(node->secrets, proxy->secrets);
  EXPECT_EQ(node->tls, proxy->tls);
  EXPECT_EQ(node->run, proxy->run);
  EXPECT_EQ(node->node.dir, options_.dir + "/node1");
  EXPECT_EQ(node->node.address, "127.0.0.1:21041");
  EXPECT_EQ(proxy->proxy.split_port, 21033);
  EXPECT_EQ(proxy->admin.http_port, 21038);
}

TEST_F(UpTest, ASecondTimeChangesNothing) {
  make();
  auto before = content();
  std::ofstream(options_.dir + "/dorsal.yaml", std::ios::app) << "# my own words\n";
  before["dorsal.yaml"] += "# my own words\n";
  options_.nodes.reset();
  options_.port_base.reset();
  make();
  EXPECT_EQ(content(), before);
}

TEST_F(UpTest, WhatAKillLeftHalfMadeIsCompleted) {
  make();
  auto whole = content();
  for (const auto& [name, text] : whole) {
    // The marker comes first, so without it nothing else is there.
    if (name == "dorsal.json" || name == "tls/ca.pem" || name == "tls/ca-key.pem") continue;
    std::filesystem::remove(options_.dir + "/" + name);
    make();
    EXPECT_TRUE(content().contains(name)) << name;
  }
}

TEST_F(UpTest, FilesThatAKillLeftUnfinishedAreRemoved) {
  make();
  auto whole = content();
  for (const char* name : {"dorsal.yaml.tmp-0123456789abcdef",
                           "secrets/app.tmp-0123456789abcdef",
                           "tls/ca.pem.tmp-0123456789abcdef",
                           "store.db.new-0123"}) {
    std::ofstream(options_.dir + "/" + name) << "half";
  }
  std::ofstream(options_.dir + "/notes.tmp-mine") << "of a person";
  whole["notes.tmp-mine"] = "of a person";
  make();
  EXPECT_EQ(content(), whole);
}

TEST_F(UpTest, AnAuthorityCutInHalfIsMadeAnew) {
  make();
  std::filesystem::remove_all(options_.dir + "/tls");
  std::filesystem::create_directories(options_.dir + "/tls");
  std::ofstream(options_.dir + "/tls/ca-key.pem") << "half";
  make();
  EXPECT_TRUE(read("tls/ca.pem").starts_with("-----BEGIN CERTIFICATE"));
  EXPECT_TRUE(std::filesystem::exists(options_.dir + "/tls/node1.pem"));
}

TEST_F(UpTest, AnAuthorityThatIssuedCertificatesIsNeverReplaced) {
  make();
  std::filesystem::remove(options_.dir + "/tls/ca-key.pem");
  std::filesystem::remove(options_.dir + "/tls/node1.pem");
  auto planned = plan();
  ASSERT_TRUE(planned);
  auto prepared = prepare(*planned, options_);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(
      prepared.error().message,
      options_.dir + "/tls/ca-key.pem is missing, so no certificate can be issued; put it back");
}

TEST_F(UpTest, CertificatesSayWhoseTheyAre) {
  make();
  const auto cluster = decode_marker(read("dorsal.json"), "dorsal.json")->cluster;
  for (const auto& [file, uri] : std::map<std::string, std::string>{{"ca", ""},
                                                                    {"node1", "/node/node1"},
                                                                    {"proxy", "/proxy"}}) {
    auto facts = io::read_certificate(options_.dir + "/tls/" + file + ".pem");
    ASSERT_TRUE(facts) << file;
    EXPECT_EQ(facts->uris, std::vector<std::string>{"dorsal://" + cluster + uri});
  }
}

TEST_F(UpTest, ACertificateIsRenewedBeforeItEndsAndOnlyIfItIsOurs) {
  make();
  const auto cluster = decode_marker(read("dorsal.json"), "dorsal.json")->cluster;
  const auto tls = options_.dir + "/tls";
  auto request = request_for(tls, "node1", cluster, {"127.0.0.1"});
  request.days = 0;
  ASSERT_TRUE(io::issue_certificate(io::AuthorityFiles::in(tls), request));
  request = request_for(tls, "proxy", cluster, {"127.0.0.1"});
  request.days = 0;
  request.uri.clear();
  ASSERT_TRUE(io::issue_certificate(io::AuthorityFiles::in(tls), request));
  const auto node = read("tls/node1.pem");
  const auto of_a_person = read("tls/proxy.pem");
  make();
  EXPECT_NE(read("tls/node1.pem"), node);
  EXPECT_EQ(read("tls/proxy.pem"), of_a_person);
}

TEST_F(UpTest, ANodesCertificateFromAnOlderVersionIsMadeAnew) {
  make();
  const auto tls = options_.dir + "/tls";
  auto request = request_for(tls, "node1", "unused", {"127.0.0.1", "localhost"});
  request.uri.clear();
  ASSERT_TRUE(io::issue_certificate(io::AuthorityFiles::in(tls), request));
  make();
  EXPECT_EQ(io::read_certificate(tls + "/node1.pem")->uris.size(), 1u);
}

TEST_F(UpTest, WithoutTheKeyOfTheAuthorityNothingIsRenewedAndNothingFails) {
  make();
  const auto cluster = decode_marker(read("dorsal.json"), "dorsal.json")->cluster;
  const auto tls = options_.dir + "/tls";
  auto request = request_for(tls, "node1", cluster, {"127.0.0.1"});
  request.days = 0;
  ASSERT_TRUE(io::issue_certificate(io::AuthorityFiles::in(tls), request));
  std::filesystem::remove(tls + "/ca-key.pem");
  const auto before = content();
  make();
  EXPECT_EQ(content(), before);
}

TEST_F(UpTest, ThePortOfAnAgentIsLookedAtToo) {
  BusyPort busy;
  options_.port_base = busy.port() - 21;
  auto begin = "port " + std::to_string(busy.port()) + ", which node1 needs, is in use by ";
  EXPECT_TRUE(refusal().starts_with(begin)) << refusal();
}

TEST_F(UpTest, TheNumberOfNodesStays) {
  make();
  for (int nodes : {2, 3}) {
    options_.nodes = nodes;
    auto begin = options_.dir + " holds a cluster of 1 node and cannot become one of ";
    EXPECT_TRUE(plan().error().message.starts_with(begin + std::to_string(nodes)));
  }
  options_.nodes.reset();
  EXPECT_EQ(plan()->marker.nodes, 1);
}

TEST_F(UpTest, ThePortsOfAClusterStay) {
  make();
  options_.port_base = 22030;
  EXPECT_NE(plan().error().message.find("was made with --port-base 21030"), std::string::npos);
}

TEST_F(UpTest, AConfigurationThatDoesNotParseIsRefusedBeforeAnythingStarts) {
  make();
  std::ofstream(options_.dir + "/node1/dorsal.yaml", std::ios::app) << "banana: 1\n";
  EXPECT_NE(plan().error().message.find("'banana' is no configuration key"), std::string::npos);
}

TEST_F(UpTest, TheStoreOfAnotherClusterIsRefused) {
  make();
  Marker other{make_uuid(), 1, 21030};
  std::ofstream(options_.dir + "/dorsal.json") << encode(other);
  auto prepared = prepare(*plan(), options_);
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().message.find("is the store of another cluster"), std::string::npos);
}

TEST(UpChecks, SizesAreReadAsMysqldDoes) {
  EXPECT_EQ(size_in_bytes("1000"), 1000u);
  EXPECT_EQ(size_in_bytes("128M"), 128u << 20);
  EXPECT_EQ(size_in_bytes("2g"), std::uint64_t{2} << 30);
}

TEST(UpChecks, AvailableMemoryIsRead) {
  EXPECT_EQ(available_memory("MemTotal:  9 kB\nMemAvailable:     2048 kB\n"), 2048u * 1024);
  EXPECT_FALSE(available_memory("MemTotal: 9 kB\n").has_value());
}

TEST(WorkLock, AWishIsRemembered) {
  TestFolder folder;
  LocalCluster cluster(folder.path());
  ASSERT_TRUE(record_wish(cluster, Wish::Up));
  EXPECT_FALSE(is_wished_down(cluster));
  ASSERT_TRUE(record_wish(cluster, Wish::Down));
  EXPECT_TRUE(is_wished_down(cluster));
}

TEST(FindMysqld, TheFirstThatWillDoIsTaken) {
  TestFolder folder;
  auto program = [&](const std::string& subfolder, const std::string& banner) {
    std::filesystem::create_directories(folder.file(subfolder));
    auto path = folder.file(subfolder) + "/mysqld";
    std::ofstream(path) << "#!/bin/sh\necho '" << banner << "'\n";
    ::chmod(path.c_str(), 0755);
  };
  program("old", "mysqld  Ver 10.11.6-MariaDB for Linux");
  program("new", "mysqld  Ver 8.4.3 for Linux on x86_64 (MySQL)");
  auto path = folder.file("old") + ":" + folder.file("new");
  Environment environment = [&](const std::string& name) -> std::optional<std::string> {
    if (name == "PATH") return path;
    return std::nullopt;
  };
  auto found = find_mysqld("", environment);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->path, folder.file("new/mysqld"));
  EXPECT_EQ(found->version, "8.4.3");
}

}  // namespace
}  // namespace dorsal::app
