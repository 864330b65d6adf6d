#include "service/agent/node_state.h"

#include <gtest/gtest.h>

namespace dorsal::agent {
namespace {

TEST(State, OfADeadServerKeepsItsLastPosition) {
  cluster::NodeState last;
  last.server_uuid = "u";
  last.gtid_executed = "u:1-5";
  failover::View view;
  view.self = cluster::NodeName("node2");
  view.server.stage = cluster::DataStage::Member;
  const cluster::NodeState state = make_state(view, failover::Policy(), "mysqld is starting", last);
  EXPECT_EQ(state.gtid_executed, "u:1-5");
  EXPECT_EQ(state.activity, "mysqld is starting");
}

TEST(State, OfAReplicaWithoutDataHasNoPosition) {
  cluster::NodeState last;
  last.server_uuid = "u";
  last.gtid_executed = "u:1-5";
  failover::View view;
  view.self = cluster::NodeName("node2");
  view.topology.leadership.term = cluster::Term(1);
  view.topology.leadership.primary = cluster::NodeName("node1");
  const auto state_of = [&] {
    return make_state(view, failover::Policy(), "initialising a data folder", last);
  };
  EXPECT_EQ(state_of().gtid_executed, "");
  EXPECT_EQ(state_of().server_uuid, "");
  view.topology.leadership.primary = view.self;
  EXPECT_EQ(state_of().gtid_executed, "u:1-5");
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
}  // namespace dorsal::agent
