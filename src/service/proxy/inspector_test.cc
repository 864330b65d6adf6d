#include "service/proxy/inspector.h"

#include <gtest/gtest.h>

#include <optional>

#include "edge/client/fake_server.h"
#include "edge/io/testing.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

using client::FakeServer;

class InspectorOfAServer : public testing::Test {
 public:
  InspectorOfAServer() { start(io::Endpoint("127.0.0.1", 0)); }
  ~InspectorOfAServer() override { io::block_on(loop_, context_.stop()); }

  // It knows no connection that it is asked about.
  void start(io::Endpoint endpoint) {
    fake_.emplace(loop_, FakeServer::Options(), std::move(endpoint));
    fake_->otherwise(
        [](const std::string&) { return FakeServer::one_column(FakeServer::kCapabilities, {}); });
  }

  ErrorKind ask(Server& server) {
    const Deadline deadline = loop_.after(std::chrono::seconds(30));
    auto found = io::block_on(loop_, context_.inspector.inspect(server, 1, deadline));
    EXPECT_FALSE(found);
    return found.error().kind;
  }

  static Options options() {
    Options options;
    options.monitor_user = "monitor";
    options.monitor_password = Secret("secret");
    return options;
  }

  io::Loop loop_;
  std::optional<FakeServer> fake_;
  cluster::SharedTopology topology_;
  Counters counters_;
  Shared shared_{options(), topology_, counters_};
  LoopContext context_{shared_, loop_};
};

TEST_F(InspectorOfAServer, AnAnswerOfOtherColumnsIsAnError) {
  fake_->otherwise(
      [](const std::string&) { return FakeServer::one_column(FakeServer::kCapabilities, {"1"}); });
  Server server(0, cluster::NodeName("db"), fake_->endpoint(), counters_);
  EXPECT_EQ(ask(server), ErrorKind::Corrupt);
}

TEST_F(InspectorOfAServer, AConnectionThatTheServerHasClosedIsReplaced) {
  const io::Endpoint endpoint = fake_->endpoint();
  Server server(0, cluster::NodeName("db"), endpoint, counters_);
  EXPECT_EQ(ask(server), ErrorKind::NotFound);
  fake_.reset();
  start(endpoint);
  EXPECT_EQ(ask(server), ErrorKind::NotFound);
}

}  // namespace
}  // namespace dorsal::proxy
