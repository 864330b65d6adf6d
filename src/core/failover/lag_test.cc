#include "core/failover/lag.h"

#include <gtest/gtest.h>

#include <string>

namespace dorsal::failover {
namespace {

using cluster::NodeName;
using cluster::Role;

constexpr auto kInterval = std::chrono::milliseconds(500);

View view_of(const std::string& self) {
  View view;
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
  View view = view_of("node2");
  view.server.facts->heartbeat_ms = 10'000;
  EXPECT_EQ(lag_ms(view, 10'400, kInterval), 0);
  EXPECT_EQ(lag_ms(view, 11'700, kInterval), 1200);
}

TEST(Lag, AClockThatIsBehindMakesNoNegativeLag) {
  View view = view_of("node2");
  view.server.facts->heartbeat_ms = 10'000;
  EXPECT_EQ(lag_ms(view, 5'000, kInterval), 0);
}

TEST(Lag, CannotBeToldWithoutAHeartbeatOrAPrimary) {
  View view = view_of("node2");
  EXPECT_FALSE(lag_ms(view, 10'000, kInterval));
  view.server.facts->heartbeat_ms = 10'000;
  view.topology.nodes[0].state.role = Role::Down;
  EXPECT_FALSE(lag_ms(view, 10'000, kInterval));
}

TEST(Lag, APrimaryHasNone) {
  View view = view_of("node1");
  view.server.facts->writable = true;
  EXPECT_EQ(lag_ms(view, 10'000, kInterval), 0);
}

TEST(Lag, GrowsNoFasterThanTime) {
  constexpr std::int64_t kHour_ms = 3'600'000;
  View view = view_of("node2");
  view.server.stage = cluster::DataStage::Member;
  view.now = TimePoint(std::chrono::hours(1));
  const auto after = [&](int passed_ms, std::int64_t heartbeat_ms) {
    view.now += std::chrono::milliseconds(passed_ms);
    view.server.facts->heartbeat_ms = heartbeat_ms;
  };
  Lag lag;
  after(0, 10'000);
  EXPECT_EQ(lag.note(view, 10'700, kInterval), 200) << "nothing is known before";
  after(300, 10'000);
  EXPECT_EQ(lag.note(view, 11'000 + kHour_ms, kInterval), 500) << "the primary's clock was set";
  after(300, 11'200 + kHour_ms);
  EXPECT_EQ(lag.note(view, 11'300 + kHour_ms, kInterval), 0);
  after(2000, 11'200 + kHour_ms);
  EXPECT_EQ(lag.note(view, 13'300 + kHour_ms, kInterval), 1600);
  view.server.stage = cluster::DataStage::Cloning;
  EXPECT_EQ(lag.note(view, 53'300 + kHour_ms, kInterval), 41'600) << "its data is another's";
}

}  // namespace
}  // namespace dorsal::failover
