#include "app/authority.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "app/role_certificates.h"
#include "edge/coord/test_folder.h"
#include "edge/instance/secrets.h"
#include "edge/io/certificates.h"
#include "edge/io/files.h"
#include "edge/peers/identity.h"

namespace dorsal::app {
namespace {

constexpr const char* kCluster = "3f0c9a52-6f0e-4c5e-9d2b-1f2e3d4c5b6a";

class AuthorityTest : public ::testing::Test {
 protected:
  AuthorityTest() { EXPECT_TRUE(create_cluster_authority(dir_, kCluster)); }

  BundleRequest request(const std::string& role) {
    BundleRequest made;
    made.dir = dir_;
    made.into = folder_.file(role);
    made.role = role;
    made.addresses = {"db1.example.org", "10.0.0.1"};
    return made;
  }
  std::string refusal(const BundleRequest& wrong) {
    auto issued = issue_bundle(wrong);
    return issued ? "issued" : issued.error().message;
  }
  std::string read(const std::string& path) { return io::read_file(path).value(); }

  coord::TestFolder folder_;
  const std::string dir_ = folder_.file("authority");
};

TEST_F(AuthorityTest, ABundleHoldsWhatANodeLooksFor) {
  auto issued = issue_bundle(request("node1"));
  ASSERT_TRUE(issued) << issued.error().message;
  EXPECT_EQ(issued->cluster, kCluster);
  const auto tls = folder_.file("node1/tls");
  auto facts = io::read_certificate(certificate_file(tls, "node1"));
  ASSERT_TRUE(facts);
  EXPECT_EQ(*peers::parse_identity(facts->uris), peers::Identity::of_node(kCluster, "node1"));
  EXPECT_EQ(facts->valid_until_s, issued->valid_until_s);
  EXPECT_TRUE(io::check_issuer(certificate_file(tls, "node1"), tls + "/ca.pem"));
  auto secrets = instance::load_secrets(folder_.file("node1/secrets"));
  ASSERT_TRUE(secrets) << secrets.error().message;
  EXPECT_EQ(secrets->root + "\n", read(dir_ + "/secrets/root"));
}

TEST_F(AuthorityTest, TheKeyOfTheAuthorityIsInNoBundle) {
  ASSERT_TRUE(issue_bundle(request("node1")));
  EXPECT_FALSE(io::exists(folder_.file("node1/tls/ca-key.pem")));
}

TEST_F(AuthorityTest, AProxyGetsOnlyThePasswordThatItNeeds) {
  ASSERT_TRUE(issue_bundle(request("proxy")));
  std::vector<std::string> secrets;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.file("proxy/secrets"))) {
    secrets.push_back(entry.path().filename().string());
  }
  EXPECT_EQ(secrets, std::vector<std::string>{"monitor"});
  auto facts = io::read_certificate(folder_.file("proxy/tls/proxy.pem"));
  EXPECT_EQ(*peers::parse_identity(facts->uris), peers::Identity::of_proxy(kCluster));
}

TEST_F(AuthorityTest, KeysAndPasswordsAreForTheirOwnerAlone) {
  ASSERT_TRUE(issue_bundle(request("node1")));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    struct stat seen {};
    ASSERT_EQ(::stat(entry.path().c_str(), &seen), 0);
    const bool is_certificate =
        entry.path().extension() == ".pem" && !entry.path().stem().string().ends_with("-key");
    const mode_t allowed = entry.is_directory() ? 0700 : is_certificate ? 0644 : 0600;
    EXPECT_EQ(seen.st_mode & 0777, allowed) << entry.path();
  }
}

TEST_F(AuthorityTest, AnAuthorityIsNeverReplaced) {
  const auto before = read(dir_ + "/ca.pem");
  auto again = create_cluster_authority(dir_, kCluster);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::Conflict);
  EXPECT_EQ(read(dir_ + "/ca.pem"), before);
}

TEST_F(AuthorityTest, WhatWasIssuedIsReplacedOnlyWhenThatIsAskedFor) {
  ASSERT_TRUE(issue_bundle(request("node1")));
  const auto before = read(folder_.file("node1/tls/node1.pem"));
  auto again = request("node1");
  EXPECT_EQ(refusal(again),
            "node1 has a certificate, which is valid until " +
                date_of(list_issued(dir_)->back().valid_until_s) + "; --replace makes a new one");
  again.into = folder_.file("elsewhere");
  EXPECT_NE(refusal(again), "issued") << "two machines would be the same node";
  EXPECT_FALSE(io::exists(again.into));
  EXPECT_EQ(read(folder_.file("node1/tls/node1.pem")), before);
  again = request("node1");
  again.may_replace = true;
  EXPECT_EQ(refusal(again), "issued");
  EXPECT_NE(read(folder_.file("node1/tls/node1.pem")), before);
}

TEST_F(AuthorityTest, AFolderOfSomebodyElseIsLeftAlone) {
  auto wrong = request("node1");
  wrong.into = dir_;
  EXPECT_EQ(refusal(wrong),
            dir_ + " is there and not empty; choose another --into, or --replace what is in it");
}

TEST_F(AuthorityTest, NamesThatAreNoneAreRefusedBeforeAnythingIsMade) {
  for (const char* role : {"", "a/b", "../a", "a b", "admin", "ca", ".a"}) {
    auto wrong = request("node1");
    wrong.role = role;
    EXPECT_NE(refusal(wrong), "issued") << role;
  }
  for (const char* address : {"", "db1:6041", "a b", "*.example.org", "db1,DNS:db2"}) {
    auto wrong = request("node1");
    wrong.addresses = {address};
    EXPECT_EQ(
        refusal(wrong),
        std::string("'") + address + "' is no host name or IP address; give it without a port");
  }
  EXPECT_FALSE(io::exists(folder_.file("node1")));
}

TEST_F(AuthorityTest, AddressesOfIpv6AreNames) {
  auto right = request("node1");
  right.addresses = {"fd00::1", "::1"};
  EXPECT_EQ(refusal(right), "issued");
}

TEST_F(AuthorityTest, WithoutAnAuthorityItIsSaidHowToMakeOne) {
  auto wrong = request("node1");
  wrong.dir = folder_.file("nowhere");
  EXPECT_EQ(refusal(wrong),
            wrong.dir + " holds no authority; make one with 'dorsal certificates create --dir " +
                wrong.dir + "'");
}

TEST_F(AuthorityTest, AUuidThatIsNoneIsRefused) {
  EXPECT_FALSE(create_cluster_authority(folder_.file("other"), "a/b"));
  EXPECT_FALSE(io::exists(folder_.file("other")));
}

TEST_F(AuthorityTest, WhatWasIssuedIsListedByName) {
  ASSERT_TRUE(issue_bundle(request("proxy")));
  auto brief = request("node1");
  brief.days = 30;
  ASSERT_TRUE(issue_bundle(brief));
  auto all = list_issued(dir_);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].role, "ca");
  EXPECT_EQ((*all)[1].role, "node1");
  EXPECT_EQ((*all)[2].role, "proxy");
  EXPECT_LT((*all)[1].valid_until_s, (*all)[2].valid_until_s);
}

TEST_F(AuthorityTest, ThePasswordOfEtcdTravelsToo) {
  ASSERT_TRUE(io::write_file_atomically(dir_ + "/secrets/store", "of-etcd\n", 0600));
  ASSERT_TRUE(issue_bundle(request("node1")));
  EXPECT_EQ(read(folder_.file("node1/secrets/store")), "of-etcd\n");
}

TEST(RoleCertificates, TheLastThirdIsTheTimeToRenew) {
  io::CertificateFacts facts;
  facts.valid_from_s = 1000;
  facts.valid_until_s = 1300;
  EXPECT_FALSE(is_due_for_renewal(facts, 1200));
  EXPECT_TRUE(is_due_for_renewal(facts, 1201));
  EXPECT_TRUE(is_due_for_renewal(facts, 2000));
}

}  // namespace
}  // namespace dorsal::app
