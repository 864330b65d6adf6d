#include "service/agent/peer_watch.h"

#include <gtest/gtest.h>

#include "edge/io/scope.h"
#include "edge/peers/fake_peers.h"

namespace dorsal::agent {
namespace {

using cluster::NodeName;
using cluster::PeerState;

class PeerWatchTest : public ::testing::Test {
 protected:
  PeerWatchTest()
      : watch_(loop_, peers_, counters_, NodeName("node1"), [this]() -> const cluster::Topology& {
          return topology_;
        }) {
    for (const char* name : {"node1", "node2", "node3"}) {
      cluster::Node node;
      node.member.name = NodeName(name);
      node.state.agent_address = "127.0.0.1:6051";
      topology_.nodes.push_back(node);
    }
    peers_.states.emplace(NodeName("node2"), PeerState());
  }

  void look() { io::block_on(loop_, watch_.look(loop_.after(std::chrono::seconds(30)))); }
  std::string gauges() {
    std::string text;
    for (const auto& sample : counters_.read()) {
      text += sample.labels[1].second + "=" + std::to_string(sample.value) + " ";
    }
    return text;
  }

  io::Loop loop_;
  Counters counters_;
  cluster::Topology topology_;
  peers::FakePeers peers_{loop_};
  PeerWatch watch_;
};

TEST_F(PeerWatchTest, EveryOtherNodeIsAskedAndTheReasonKept) {
  look();
  EXPECT_EQ(peers_.calls, (std::vector<std::string>{"state node2", "state node3"}));
  EXPECT_EQ(watch_.trouble_with(NodeName("node2")), "");
  EXPECT_EQ(watch_.trouble_with(NodeName("node3")), "node3 at 127.0.0.1:6051: Connection refused");
  EXPECT_EQ(gauges(), "node2=1 node3=0 ");
}

TEST_F(PeerWatchTest, OneThatComesBackIsWell) {
  look();
  peers_.states.emplace(NodeName("node3"), PeerState());
  look();
  EXPECT_EQ(watch_.trouble_with(NodeName("node3")), "");
  EXPECT_EQ(gauges(), "node2=1 node3=1 ");
}

TEST_F(PeerWatchTest, OneWhoseAddressNobodyKnowsIsNotAsked) {
  topology_.nodes[1].state.agent_address.clear();
  look();
  EXPECT_EQ(peers_.calls, std::vector<std::string>{"state node3"});
  EXPECT_EQ(watch_.trouble_with(NodeName("node2")), "it has told no address of its agent");
}

TEST_F(PeerWatchTest, ASilentNodeKeepsNobodyElseFromBeingSeen) {
  peers_.silent.insert(NodeName("node3"));
  io::block_on(loop_, watch_.look(loop_.after(std::chrono::milliseconds(5))));
  EXPECT_EQ(gauges(), "node2=1 node3=0 ");
}

}  // namespace
}  // namespace dorsal::agent
