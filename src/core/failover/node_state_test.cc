#include "core/failover/node_state.h"

#include <gtest/gtest.h>

namespace dorsal::failover {
namespace {

cluster::NodeState known_before() {
  cluster::NodeState state;
  state.server_uuid = "u";
  state.gtid_executed = "u:1-5";
  return state;
}

// Of a node whose server does not answer.
View silent_view(cluster::DataStage stage) {
  View view;
  view.self = cluster::NodeName("node2");
  view.server.stage = stage;
  view.topology.leadership.term = cluster::Term(1);
  view.topology.leadership.primary = cluster::NodeName("node1");
  return view;
}

cluster::NodeState state_of(const View& view) {
  return make_state(view, Policy(), "mysqld is starting", known_before());
}

TEST(State, OfADeadServerKeepsItsLastPosition) {
  const cluster::NodeState state = state_of(silent_view(cluster::DataStage::Member));
  EXPECT_EQ(state.gtid_executed, "u:1-5");
  EXPECT_EQ(state.activity, "mysqld is starting");
}

TEST(State, OfAReplicaWithoutDataHasNoPosition) {
  View view = silent_view(cluster::DataStage::Empty);
  EXPECT_EQ(state_of(view).gtid_executed, "");
  EXPECT_EQ(state_of(view).server_uuid, "");
  view.topology.leadership.primary = view.self;
  EXPECT_EQ(state_of(view).gtid_executed, "u:1-5");
}

TEST(State, PositionAndLagAloneAreNotWorthAnEarlyWord) {
  cluster::NodeState left;
  cluster::NodeState right;
  right.gtid_executed = "u:1";
  right.lag_ms = 3;
  EXPECT_FALSE(differs_in_kind(left, right));
  right.healthy = true;
  EXPECT_TRUE(differs_in_kind(left, right));
}

}  // namespace
}  // namespace dorsal::failover
