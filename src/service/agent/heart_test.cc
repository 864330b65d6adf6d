#include "service/agent/heart.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "edge/instance/fake_instance.h"

namespace dorsal::agent {
namespace {

std::int64_t no_time() { return 7; }

// Runs the heart until it has done what comes at once.
void run_a_turn(io::Loop& loop, io::Scope& scope, Heart& heart) {
  scope.spawn(heart.beat_for_ever(std::chrono::hours(1)));
  auto turn = [](io::Loop& on) -> io::Task<> {
    (void)co_await on.sleep_until(Deadline::at(on.now()));
  };
  for (int i = 0; i < 3; ++i) io::block_on(loop, turn(loop));
}

struct Fixture {
  io::Loop loop;
  instance::FakeInstance fake{loop, "uuid"};
  io::Scope scope{loop};
  Heart heart{loop, fake, scope, no_time};
};

TEST(Heart, OnlyAPrimaryBeats) {
  Fixture f;
  EXPECT_FALSE(f.heart.due(f.loop.now()));
  f.heart.writes = true;
  EXPECT_EQ(f.heart.due(f.loop.now()), 0u);
}

TEST(Heart, WhileOneWaitsForNobodyNoOtherIsSent) {
  Fixture f;
  f.heart.writes = true;
  f.fake.hold_long_acts(true);
  run_a_turn(f.loop, f.scope, f.heart);
  EXPECT_EQ(f.fake.calls, (std::vector<std::string>{"beat 0"}));
  EXPECT_FALSE(f.heart.due(f.loop.now() + std::chrono::minutes(1)));
  f.fake.hold_long_acts(false);
}

TEST(Heart, AStuckOneIsReleasedByAnotherWhenSomebodyCanAcknowledge) {
  Fixture f;
  f.heart.writes = f.heart.has_listeners = true;
  f.fake.hold_long_acts(true);
  run_a_turn(f.loop, f.scope, f.heart);
  EXPECT_FALSE(f.heart.due(f.loop.now() + std::chrono::milliseconds(500)));
  EXPECT_EQ(f.heart.due(f.loop.now() + std::chrono::seconds(2)), 1u);
  f.fake.hold_long_acts(false);
}

}  // namespace
}  // namespace dorsal::agent
