#include "service/agent/node_state.h"

#include <gtest/gtest.h>

namespace dorsal::agent {
namespace {

using cluster::NodeName;
using cluster::Role;

constexpr auto kInterval = std::chrono::milliseconds(500);

failover::View view_of(const std::string& self) {
  failover::View view;
  view.self = NodeName(self);
  view.topology.leadership.term = cluster::Term(1);
  view.topology.leadership.primary = NodeName("node1");
  cluster::Node primary;
  primary.member.name = NodeName("node1");
  primary.state.role = Role::Primary;
  view.topology.nodes.push_back(primary);
  view.server.facts = cluster::ServerFacts();
  return view;
}

TEST(Lag, IsTheAgeOfTheHeartbeatBeyondItsInterval) {
  failover::View view = view_of("node2");
  view.server.facts->heartbeat_ms = 10'000;
  EXPECT_EQ(lag_ms(view, 10'400, kInterval), 0);
  EXPECT_EQ(lag_ms(view, 11'700, kInterval), 1200);
}

TEST(Lag, AClockThatIsBehindMakesNoNegativeLag) {
  failover::View view = view_of("node2");
  view.server.facts->heartbeat_ms = 10'000;
  EXPECT_EQ(lag_ms(view, 5'000, kInterval), 0);
}

TEST(Lag, CannotBeToldWithoutAHeartbeatOrAPrimary) {
  failover::View view = view_of("node2");
  EXPECT_FALSE(lag_ms(view, 10'000, kInterval));
  view.server.facts->heartbeat_ms = 10'000;
  view.topology.nodes[0].state.role = Role::Down;
  EXPECT_FALSE(lag_ms(view, 10'000, kInterval));
}

TEST(Lag, APrimaryHasNone) {
  failover::View view = view_of("node1");
  view.server.facts->writable = true;
  EXPECT_EQ(lag_ms(view, 10'000, kInterval), 0);
}

TEST(State, OfADeadServerKeepsItsLastPosition) {
  cluster::NodeState last;
  last.server_uuid = "u";
  last.gtid_executed = "u:1-5";
  failover::View view = view_of("node2");
  view.server.facts.reset();
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
