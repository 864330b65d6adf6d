#include "app/peer_api.h"

#include <gtest/gtest.h>

#include "app/role_certificates.h"
#include "edge/coord/test_folder.h"
#include "edge/io/files.h"

namespace dorsal::app {
namespace {

constexpr const char* kCluster = "3f0c9a52-6f0e-4c5e-9d2b-1f2e3d4c5b6a";

class NodeCertificateTest : public ::testing::Test {
 protected:
  NodeCertificateTest() : authority_(io::AuthorityFiles::in(folder_.path())) {
    EXPECT_TRUE(io::create_authority(authority_, kAuthorityName));
    config_.tls = folder_.path();
    config_.node.name = "node1";
  }

  void issue(const std::string& role, int days = 10) {
    auto request = request_for(folder_.path(), role, kCluster, {"127.0.0.1"});
    request.certificate_file = certificate_file(folder_.path(), "node1");
    request.key_file = key_file(folder_.path(), "node1");
    request.days = days;
    EXPECT_TRUE(io::issue_certificate(authority_, request));
  }
  std::string outcome() {
    auto loaded = load_node_certificate(config_);
    if (!loaded) return loaded.error().message;
    return *loaded ? peers::to_uri((*loaded)->identity) : "off";
  }

  coord::TestFolder folder_;
  io::AuthorityFiles authority_;
  Config config_;
};

TEST_F(NodeCertificateTest, ItSaysWhoseItIs) {
  issue("node1");
  EXPECT_EQ(outcome(), std::string("dorsal://") + kCluster + "/node/node1");
}

TEST_F(NodeCertificateTest, WithoutOneThereIsNoApi) { EXPECT_EQ(outcome(), "off"); }

TEST_F(NodeCertificateTest, OneThatNamesNobodyIsNone) {
  io::CertificateRequest request;
  request.certificate_file = certificate_file(folder_.path(), "node1");
  request.key_file = key_file(folder_.path(), "node1");
  request.common_name = "node1";
  ASSERT_TRUE(io::issue_certificate(authority_, request));
  EXPECT_EQ(outcome(), "off");
}

TEST_F(NodeCertificateTest, ThatOfAnotherRoleIsRefused) {
  const auto file = certificate_file(folder_.path(), "node1");
  issue("node2");
  EXPECT_EQ(outcome(),
            file + " is the certificate of node2, and this node is node1; put its own there");
  issue("proxy");
  EXPECT_EQ(outcome(),
            file + " is the certificate of a proxy, and this node is node1; put its own there");
}

TEST_F(NodeCertificateTest, OneOfAnotherAuthorityIsRefused) {
  issue("node1");
  ASSERT_TRUE(io::remove_tree(authority_.certificate));
  ASSERT_TRUE(io::remove_tree(authority_.key));
  ASSERT_TRUE(io::create_authority(authority_, kAuthorityName));
  EXPECT_EQ(outcome(),
            certificate_file(folder_.path(), "node1") + " is not a certificate of the authority " +
                authority_.certificate);
}

TEST_F(NodeCertificateTest, AnExpiredOneStopsNoDatabaseThatIsThere) {
  issue("node1", -1);
  EXPECT_EQ(outcome(), std::string("dorsal://") + kCluster + "/node/node1");
}

TEST_F(NodeCertificateTest, AnExpiredOneIsRefusedWhereThereIsAChoice) {
  issue("node1");
  const auto certificate = **load_node_certificate(config_);
  const auto end_s = certificate.valid_until_s;
  EXPECT_TRUE(refuse_expired(config_, certificate, end_s));
  auto refused = refuse_expired(config_, certificate, end_s + 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            certificate_file(folder_.path(), "node1") + " expired on " + date_of(end_s) +
                "; issue a new one with 'dorsal certificates issue --replace'");
}

TEST(AgentEndpoint, ItsPortFollowsThatOfMysqld) {
  NodeConfig node;
  node.address = "10.0.0.1:3306";
  EXPECT_EQ(*agent_endpoint(node), io::Endpoint("10.0.0.1", 3316));
  node.agent_address = "[fd00::1]:7000";
  EXPECT_EQ(*agent_endpoint(node), io::Endpoint("fd00::1", 7000));
}

TEST(AgentEndpoint, APortThatCannotFollowMustBeGiven) {
  NodeConfig node;
  node.address = "10.0.0.1:65530";
  EXPECT_FALSE(agent_endpoint(node));
}

}  // namespace
}  // namespace dorsal::app
