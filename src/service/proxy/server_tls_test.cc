// How the proxy speaks to servers: encrypted, and verified, unless they are on this machine.
#include <gtest/gtest.h>

#include "edge/client/connection.h"
#include "edge/client/fake_server.h"
#include "edge/io/testing.h"
#include "service/proxy/monitor.h"
#include "service/proxy/probe.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

using client::FakeServer;

// An address of this machine that does not look like one, so that it counts as far away.
constexpr const char* kFarAway = "::ffff:127.0.0.1";

// An authority with certificates for servers near, far and misnamed.
class ServerTls : public testing::Test {
 public:
  static void SetUpTestSuite() {
    folder_ = new io::testing::ScratchFolder;
    ASSERT_TRUE(io::create_authority(authority(), "our authority"));
    issue("far", kFarAway);
    issue("misnamed", "db.example");
    issue("proxy", "proxy.example");
  }
  static void TearDownTestSuite() { delete folder_; }

  static io::AuthorityFiles authority() { return io::AuthorityFiles::in(folder_->path()); }
  static void issue(const std::string& who, const std::string& name) {
    io::CertificateRequest request;
    request.certificate_file = *folder_ / (who + ".pem");
    request.key_file = *folder_ / (who + "-key.pem");
    request.common_name = who;
    request.names = {name};
    ASSERT_TRUE(io::issue_certificate(authority(), request));
  }
  static io::TlsContext server_context(const std::string& who, const std::string& client_ca = {}) {
    return *io::TlsContext::server(*folder_ / (who + ".pem"),
                                   *folder_ / (who + "-key.pem"),
                                   client_ca);
  }
  static io::TlsContext verified(const std::string& who = {}) {
    return *io::TlsContext::client(io::TlsVerify::CaAndName,
                                   authority().certificate,
                                   who.empty() ? "" : *folder_ / (who + ".pem"),
                                   who.empty() ? "" : *folder_ / (who + "-key.pem"));
  }

  struct Seen {
    std::string failure;  // empty: logged in
    bool is_tls = false;
    std::string shown;  // the subject of the certificate that the server saw
  };

  // What becomes of the monitor's log-in at that address of the fake server.
  Seen log_in(std::optional<io::TlsContext> server_tls,
              std::optional<io::TlsContext> ours,
              const std::string& host) {
    FakeServer::Options server_options;
    server_options.tls = std::move(server_tls);
    FakeServer fake(loop_, server_options);
    Options options;
    options.monitor_user = "monitor";
    options.monitor_password = Secret("secret");
    options.server_tls = std::move(ours);
    cluster::SharedTopology topology;
    Counters counters;
    Shared shared(std::move(options), topology, counters);
    LoopContext context(shared, loop_);
    const io::Endpoint endpoint(host, fake.endpoint().port);
    Server server(0, cluster::NodeName("db"), endpoint, counters);
    auto connection =
        io::block_on(loop_,
                     connect_as_monitor(context, server, loop_.after(std::chrono::seconds(30))));
    io::block_on(loop_, context.stop());
    if (!connection) return {connection.error().message, false, ""};
    return {"", (*connection)->stream().is_tls(), fake.newest_peer().subject};
  }

  static io::testing::ScratchFolder* folder_;
  io::Loop loop_;
};
io::testing::ScratchFolder* ServerTls::folder_ = nullptr;

TEST_F(ServerTls, AServerFarAwayIsVerified) {
  auto seen = log_in(server_context("far"), verified(), kFarAway);
  EXPECT_EQ(seen.failure, "");
  EXPECT_TRUE(seen.is_tls);
}

TEST_F(ServerTls, AWrongNameIsRefused) {
  auto seen = log_in(server_context("misnamed"), verified(), kFarAway);
  EXPECT_NE(seen.failure.find("the server's certificate is refused"), std::string::npos)
      << seen.failure;
}

TEST_F(ServerTls, AnotherAuthorityIsRefused) {
  auto system = *io::TlsContext::client(io::TlsVerify::CaAndName);
  auto seen = log_in(server_context("far"), system, kFarAway);
  EXPECT_NE(seen.failure.find("the server's certificate is refused"), std::string::npos)
      << seen.failure;
}

TEST_F(ServerTls, AServerWithoutTlsIsRefused) {
  auto seen = log_in(std::nullopt, verified(), kFarAway);
  EXPECT_NE(seen.failure.find("TLS, which is required"), std::string::npos) << seen.failure;
}

TEST_F(ServerTls, UnverifiedIsEncryptedAllTheSame) {
  auto seen =
      log_in(server_context("misnamed"), *io::TlsContext::client(io::TlsVerify::None), kFarAway);
  EXPECT_EQ(seen.failure, "");
  EXPECT_TRUE(seen.is_tls);
}

TEST_F(ServerTls, OffMeansOff) {
  auto seen = log_in(server_context("far"), std::nullopt, kFarAway);
  EXPECT_EQ(seen.failure, "");
  EXPECT_FALSE(seen.is_tls);
}

TEST_F(ServerTls, AServerOnThisMachineNeedsNone) {
  auto seen = log_in(server_context("misnamed"), verified(), "127.0.0.1");
  EXPECT_EQ(seen.failure, "");
  EXPECT_FALSE(seen.is_tls);
}

TEST_F(ServerTls, TheProxyShowsItsCertificateToServersThatAsk) {
  auto seen = log_in(server_context("far", authority().certificate), verified("proxy"), kFarAway);
  EXPECT_EQ(seen.failure, "");
  EXPECT_EQ(seen.shown, "/CN=proxy");
}

}  // namespace
}  // namespace dorsal::proxy
