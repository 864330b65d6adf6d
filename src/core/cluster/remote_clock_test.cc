#include "core/cluster/remote_clock.h"

#include <gtest/gtest.h>

namespace dorsal::cluster {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kWall_ms = 1'000'000'000;
constexpr std::int64_t kHour_ms = 3'600'000;
const TimePoint kNow = TimePoint(std::chrono::hours(1));

// It has said what it shows at kNow.
RemoteClock known() {
  RemoteClock clock;
  clock.note(kWall_ms - 1000, kNow - milliseconds(1000));
  clock.note(kWall_ms, kNow);
  return clock;
}

TEST(RemoteClock, NothingIsKnownBeforeItsSecondStamp) {
  RemoteClock clock;
  EXPECT_FALSE(clock.wall_ms(kNow));
  clock.note(kWall_ms, kNow);
  clock.note(kWall_ms, kNow + milliseconds(500));
  EXPECT_FALSE(clock.wall_ms(kNow)) << "the first may be of any age";
  clock.note(kWall_ms + 5000, kNow + milliseconds(1000));
  EXPECT_EQ(clock.wall_ms(kNow + milliseconds(1300)), kWall_ms + 5300);
}

TEST(RemoteClock, GoesOnBetweenStamps) {
  const RemoteClock clock = known();
  EXPECT_EQ(clock.wall_ms(kNow), kWall_ms);
  EXPECT_EQ(clock.wall_ms(kNow + milliseconds(700)), kWall_ms + 700);
}

TEST(RemoteClock, GoesByTheStampThatCameSoonest) {
  RemoteClock clock = known();
  clock.note(kWall_ms + 1000, kNow + milliseconds(2200));
  EXPECT_EQ(clock.wall_ms(kNow + milliseconds(2200)), kWall_ms + 2200);
  clock.note(kWall_ms + 3050, kNow + milliseconds(3000));
  EXPECT_EQ(clock.wall_ms(kNow + milliseconds(3000)), kWall_ms + 3050);
}

TEST(RemoteClock, FollowsOneThatIsSet) {
  for (const std::int64_t jump_ms : {kHour_ms, -kHour_ms, std::int64_t{-4000}}) {
    RemoteClock clock = known();
    clock.note(kWall_ms + 1000 + jump_ms, kNow + milliseconds(1000));
    EXPECT_EQ(clock.wall_ms(kNow + milliseconds(1000)), kWall_ms + 1000 + jump_ms);
  }
}

TEST(RemoteClock, FollowsOneThatIsALittleSlower) {
  RemoteClock clock = known();
  for (int i = 1; i <= 10'000; ++i) {
    clock.note(kWall_ms + 1000 * i - i / 2, kNow + milliseconds(1000 * i));
  }
  EXPECT_NEAR(static_cast<double>(*clock.wall_ms(kNow + milliseconds(10'000'000))),
              static_cast<double>(kWall_ms + 10'000'000 - 5000),
              6);
}

TEST(RemoteClock, FollowsSoonOneThatIsSetBackALittle) {
  RemoteClock clock = known();
  for (int i = 1; i <= 10; ++i) {
    clock.note(kWall_ms + 1000 * i - 2500, kNow + milliseconds(1000 * i));
  }
  EXPECT_EQ(clock.wall_ms(kNow + milliseconds(10'000)), kWall_ms + 10'000 - 2500);
}

Topology led_by(const char* name, std::int64_t published_ms) {
  Topology topology;
  topology.leadership.term = Term(1);
  topology.leadership.primary = NodeName(name);
  Node node;
  node.member.name = NodeName(name);
  node.state.published_ms = published_ms;
  topology.nodes.push_back(node);
  return topology;
}

TEST(PrimaryClock, IsThisMachinesUntilTheOtherIsKnown) {
  PrimaryClock clock;
  EXPECT_EQ(clock.wall_ms(kNow, 7), 7);
  clock.note(led_by("node1", kWall_ms), kNow);
  EXPECT_EQ(clock.wall_ms(kNow, 7), 7);
  clock.note(led_by("node1", kWall_ms + 1000), kNow + milliseconds(1000));
  EXPECT_EQ(clock.wall_ms(kNow + milliseconds(1500), 7), kWall_ms + 1500);
}

TEST(PrimaryClock, OfAnotherPrimaryNothingIsKnownAtFirst) {
  PrimaryClock clock;
  clock.note(led_by("node1", kWall_ms), kNow);
  clock.note(led_by("node1", kWall_ms + 1000), kNow + milliseconds(1000));
  clock.note(led_by("node2", kWall_ms + kHour_ms), kNow + milliseconds(2000));
  EXPECT_EQ(clock.wall_ms(kNow + milliseconds(2000), 7), 7);
}

}  // namespace
}  // namespace dorsal::cluster
