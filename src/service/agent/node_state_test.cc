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
  const cluster::NodeState state = make_state(view, failover::Policy(), "mysqld is starting", last);
  EXPECT_EQ(state.gtid_executed, "u:1-5");
  EXPECT_EQ(state.activity, "mysqld is starting");
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
