#include "edge/instance/door_probe.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "edge/client/fake_server.h"
#include "edge/instance/test_folder.h"
#include "edge/io/certificates.h"

namespace dorsal::instance {
namespace {

constexpr auto kHang = std::chrono::seconds(60);

class DoorProbeTest : public ::testing::Test {
 protected:
  DoorProbeTest() {
    EXPECT_TRUE(io::create_authority(authority_, "test"));
    EXPECT_TRUE(io::create_authority(another_, "another"));
  }

  client::FakeServer::Options with_tls() {
    io::CertificateRequest request;
    request.certificate_file = folder_.path + "/server.pem";
    request.key_file = folder_.path + "/server-key.pem";
    request.common_name = "server";
    request.names = {"127.0.0.1"};
    EXPECT_TRUE(io::issue_certificate(authority_, request));
    client::FakeServer::Options options;
    options.tls = *io::TlsContext::server(request.certificate_file, request.key_file);
    return options;
  }

  std::unique_ptr<DoorProbe> probe(const io::Endpoint& address) {
    DoorProbe::Options options;
    options.address = address;
    options.password = "secret";
    options.tls_ca = known_.certificate;
    options.pause = std::chrono::milliseconds(1);
    options.limit = limit_;
    return std::make_unique<DoorProbe>(loop_, std::move(options));
  }

  // As soon as it is that something is, or that nothing is.
  std::string trouble(const DoorProbe& probe, bool wanted) {
    const Deadline end = loop_.after(kHang);
    while (probe.trouble().empty() == wanted && !end.has_passed(loop_.now())) let_run();
    return probe.trouble();
  }

  void let_run() {
    io::block_on(loop_, [](io::Loop& loop) -> io::Task<> {
      const Deadline soon = loop.after(std::chrono::milliseconds(20));
      (void)co_await loop.sleep_until(soon);
    }(loop_));
  }

  io::Loop loop_;
  TestFolder folder_;
  io::AuthorityFiles authority_ = io::AuthorityFiles::in(folder_.path);
  io::AuthorityFiles another_{folder_.path + "/another.pem", folder_.path + "/another-key.pem"};
  io::AuthorityFiles known_ = authority_;
  Duration limit_ = kHang;
};

TEST_F(DoorProbeTest, SaysNothingOfAServerThatLetsItIn) {
  client::FakeServer server(loop_, with_tls());
  const auto door = probe(server.endpoint());
  const Deadline end = loop_.after(kHang);
  while (server.quits() < 3 && !end.has_passed(loop_.now())) let_run();
  EXPECT_GE(server.quits(), 3);
  EXPECT_EQ(door->trouble(), "");
}

TEST_F(DoorProbeTest, SaysThatNobodyListensUntilSomebodyDoes) {
  auto options = with_tls();
  auto first = std::make_unique<client::FakeServer>(loop_, options);
  const io::Endpoint address = first->endpoint();
  first.reset();
  const auto door = probe(address);
  EXPECT_EQ(trouble(*door, true),
            "mysqld lets no new connection in: cannot connect to " + io::to_string(address) +
                ": Connection refused");
  const client::FakeServer server(loop_, options, address);
  EXPECT_EQ(trouble(*door, false), "");
}

TEST_F(DoorProbeTest, SaysThatNobodyGreets) {
  limit_ = std::chrono::milliseconds(100);
  client::FakeServer::Options silent;
  silent.greets = false;
  const client::FakeServer server(loop_, silent);
  const auto door = probe(server.endpoint());
  EXPECT_TRUE(trouble(*door, true).starts_with("mysqld lets no new connection in: "));
}

// It is at work, and another one would be filled up by the same clients.
TEST_F(DoorProbeTest, TakesARefusalInWordsForAnAnswer) {
  client::FakeServer::Options full;
  full.greets_with = mysql::ErrPacket{1040, "08004", "Too many connections"};
  const client::FakeServer server(loop_, full);
  const auto door = probe(server.endpoint());
  for (int i = 0; i < 5; ++i) let_run();
  EXPECT_EQ(door->trouble(), "");
}

// Another node would be no better.
TEST_F(DoorProbeTest, LeavesCertificatesToOthers) {
  const client::FakeServer server(loop_, with_tls());
  known_ = another_;
  const auto door = probe(server.endpoint());
  for (int i = 0; i < 5; ++i) let_run();
  EXPECT_EQ(door->trouble(), "");
}

}  // namespace
}  // namespace dorsal::instance
