#include "core/cluster/silence.h"

#include <gtest/gtest.h>

#include <vector>

namespace dorsal::cluster {
namespace {

constexpr std::int64_t kWall_ms = 1'000'000'000;
constexpr std::int64_t kHour_ms = 3'600'000;
const TimePoint kNow = TimePoint(std::chrono::hours(1));

Topology of_one(std::int64_t published_ms) {
  Topology topology;
  Node node;
  node.member.name = NodeName("node1");
  node.state.role = Role::Replica;
  node.state.healthy = true;
  node.state.published_ms = published_ms;
  topology.nodes.push_back(node);
  return topology;
}

Role role_of(const Silence& silence, const Topology& topology, TimePoint now) {
  return silence.without_silent(topology, now).nodes.front().state.role;
}

TEST(Silence, ANodeWhoseWordsChangeIsHeardWhateverItsClockSays) {
  for (const std::int64_t ahead_ms : {-kHour_ms, std::int64_t{0}, kHour_ms}) {
    Silence silence;
    silence.note(of_one(kWall_ms + ahead_ms), kNow, kWall_ms);
    const Topology next = of_one(kWall_ms + ahead_ms + 1000);
    silence.note(next, kNow + std::chrono::seconds(1), kWall_ms + 1000);
    EXPECT_EQ(role_of(silence, next, kNow + std::chrono::seconds(6)), Role::Replica);
    EXPECT_EQ(role_of(silence, next, kNow + std::chrono::milliseconds(6001)), Role::Down);
  }
}

TEST(Silence, AClockThatIsSetBackIsAWordToo) {
  Silence silence;
  silence.note(of_one(kWall_ms), kNow, kWall_ms);
  const Topology next = of_one(kWall_ms - kHour_ms);
  silence.note(next, kNow + std::chrono::seconds(4), kWall_ms + 4000);
  EXPECT_EQ(role_of(silence, next, kNow + std::chrono::seconds(9)), Role::Replica);
}

TEST(Silence, WhatIsSeenForTheFirstTimeIsJudgedByItsStamp) {
  Silence silence;
  const Topology old = of_one(kWall_ms - 5001);
  silence.note(old, kNow, kWall_ms);
  EXPECT_EQ(role_of(silence, old, kNow), Role::Down);
  EXPECT_EQ(role_of(Silence(), old, kNow), Role::Down);

  Silence other;
  const Topology fresh = of_one(kWall_ms - 3000);
  other.note(fresh, kNow, kWall_ms);
  EXPECT_EQ(role_of(other, fresh, kNow + std::chrono::seconds(2)), Role::Replica);
  EXPECT_EQ(role_of(other, fresh, kNow + std::chrono::milliseconds(2001)), Role::Down);
}

TEST(Silence, ASilentAgentCountsAsDown) {
  Topology topology = of_one(1000);
  topology.nodes.push_back(of_one(5000).nodes.front());
  topology.nodes[0].member.name = NodeName("old");
  topology.nodes[1].member.name = NodeName("fresh");
  Silence silence;
  silence.note(topology, kNow, 1000 + kStateExpires_ms + 1);
  auto seen = silence.without_silent(topology, kNow);
  EXPECT_EQ(seen.find(NodeName("old"))->state.role, Role::Down);
  EXPECT_FALSE(seen.find(NodeName("old"))->state.healthy);
  EXPECT_EQ(seen.find(NodeName("fresh"))->state.role, Role::Replica);
}

TEST(Silence, ClocksMayDifferWhereStampsAreNotOfNow) {
  const auto may_differ = [](std::vector<std::int64_t> ages_ms) {
    Topology topology;
    for (const std::int64_t age_ms : ages_ms) {
      topology.nodes.push_back(of_one(kWall_ms - age_ms).nodes.front());
    }
    return clocks_may_differ(topology, kWall_ms);
  };
  EXPECT_FALSE(may_differ({}));
  EXPECT_FALSE(may_differ({100, 5000, kHour_ms})) << "one is down";
  EXPECT_TRUE(may_differ({100, 5001, kHour_ms})) << "this one's own, and all others are old";
  EXPECT_TRUE(may_differ({100, 200, -2001}));
  EXPECT_FALSE(may_differ({100, -2000}));
  EXPECT_FALSE(may_differ({100})) << "it is alone";
}

TEST(Silence, OfWhoIsGoneNothingIsKept) {
  Silence silence;
  silence.note(of_one(kWall_ms), kNow, kWall_ms);
  silence.note(Topology(), kNow, kWall_ms);
  silence.note(of_one(kWall_ms), kNow + std::chrono::minutes(1), kWall_ms + 60'000);
  EXPECT_EQ(role_of(silence, of_one(kWall_ms), kNow + std::chrono::minutes(1)), Role::Down);
}

}  // namespace
}  // namespace dorsal::cluster
