#include "edge/io/scope.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>

#include "edge/io/event.h"

namespace dorsal::io {
namespace {

using std::chrono::seconds;

Task<> wait_for_ever(Event& event, int& ended, std::shared_ptr<int> owned) {
  co_await event.wait(Deadline::never());
  ended += *owned;
}

Task<> spawn_and_cancel(Loop& loop, int tasks, std::shared_ptr<int> owned, int& ended) {
  Event never(loop);
  Scope scope(loop);
  for (int i = 0; i < tasks; ++i) scope.spawn(wait_for_ever(never, ended, owned));
  co_await loop.sleep_until(loop.after(std::chrono::milliseconds(1)));
  EXPECT_EQ(scope.size(), static_cast<std::size_t>(tasks));
  co_await scope.cancel_and_join();
  EXPECT_EQ(scope.size(), 0u);
  EXPECT_EQ(owned.use_count(), 2) << "frames are destroyed before join returns";
}

TEST(Scope, CancelsAndJoinsThousandsOfTasks) {
  Loop loop;
  auto owned = std::make_shared<int>(1);
  int ended = 0;
  block_on(loop, spawn_and_cancel(loop, 2000, owned, ended));
  EXPECT_EQ(ended, 2000);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(Scope, DestroyedOutsideTheLoopCancelsAndDrains) {
  Loop loop;
  Event never(loop);
  int ended = 0;
  auto owned = std::make_shared<int>(1);
  {
    Scope scope(loop);
    for (int i = 0; i < 10; ++i) scope.spawn(wait_for_ever(never, ended, owned));
    loop.context().poll();
  }
  EXPECT_EQ(ended, 10);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(Scope, TaskCancelledBeforeItStartsNeverRuns) {
  Loop loop;
  Event never(loop);
  int ended = 0;
  auto owned = std::make_shared<int>(1);
  {
    Scope scope(loop);
    scope.spawn(wait_for_ever(never, ended, owned));
    scope.cancel();
    scope.spawn(wait_for_ever(never, ended, owned));
    EXPECT_EQ(scope.size(), 1u) << "a cancelled scope takes no tasks";
  }
  EXPECT_EQ(ended, 0);
  EXPECT_EQ(owned.use_count(), 1);
}

Task<> join_children(Loop& loop, Event& never, int& ended) {
  Scope children(loop);
  auto owned = std::make_shared<int>(1);
  children.spawn(wait_for_ever(never, ended, owned));
  children.spawn(wait_for_ever(never, ended, owned));
  co_await children.join();
  EXPECT_TRUE(co_await cancelled());
  ended += 10;
}

TEST(Scope, CancelledJoinerCancelsItsChildrenAndStillWaits) {
  Loop loop;
  Event never(loop);
  int ended = 0;
  {
    Scope scope(loop);
    scope.spawn(join_children(loop, never, ended));
    loop.context().poll();
  }
  EXPECT_EQ(ended, 12);
}

Task<> set_flag(bool& flag) {
  flag = true;
  co_return;
}

Task<> spawn_inside(Loop& loop, bool& flag, bool& ran_inside_spawn) {
  Scope scope(loop);
  scope.spawn(set_flag(flag));
  ran_inside_spawn = flag;
  co_await scope.join();
}

TEST(Scope, SpawnNeverRunsTheTaskItself) {
  Loop loop;
  bool flag = false;
  bool ran_inside_spawn = true;
  block_on(loop, spawn_inside(loop, flag, ran_inside_spawn));
  EXPECT_TRUE(flag);
  EXPECT_FALSE(ran_inside_spawn);
}

Task<> spin(Loop& loop, int& turns) {
  while (true) {
    ++turns;
    co_await loop.sleep_until(Deadline::never());
  }
}

TEST(Scope, TaskThatIgnoresItsCancellationIsEndedByAnException) {
  Loop loop;
  int turns = 0;
  {
    Scope scope(loop);
    scope.spawn(spin(loop, turns));
    loop.context().poll();
  }
  EXPECT_GT(turns, 100);
  EXPECT_LE(turns, 1002);
}

Task<> fail() {
  throw std::runtime_error("boom");
  co_return;
}

TEST(ScopeDeathTest, EscapingExceptionAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Loop loop;
        block_on(loop, fail());
      },
      "a task ended with an exception: boom");
}

Task<> abandon_children(Loop& loop) {
  Event never(loop);
  int ended = 0;
  Scope scope(loop);
  scope.spawn(wait_for_ever(never, ended, std::make_shared<int>(1)));
  co_return;
}

TEST(ScopeDeathTest, DestroyedInsideTheLoopWithTasksAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Loop loop;
        block_on(loop, abandon_children(loop));
      },
      "check failed");
}

Task<int> answer() { co_return 42; }

TEST(BlockOn, ReturnsTheResult) {
  Loop loop;
  EXPECT_EQ(block_on(loop, answer()), 42);
}

TEST(Loop, RunsPostedFunctionsAndStopsFromAnotherThread) {
  Loop loop;
  std::thread::id ran_on;
  std::thread runner([&] { loop.run(); });
  auto id = runner.get_id();
  loop.post([&] {
    ran_on = std::this_thread::get_id();
    loop.stop();
  });
  runner.join();
  EXPECT_EQ(ran_on, id);
}

TEST(Loop, StoppedBeforeItRunsReturnsAtOnce) {
  Loop loop;
  loop.stop();
  loop.run();
}

Task<bool> sleep_for(Loop& loop, Duration span) {
  auto deadline = loop.after(span);
  bool slept = co_await loop.sleep_until(deadline);
  EXPECT_TRUE(deadline.has_passed(loop.now()));
  co_return slept;
}

TEST(Loop, SleepsUntilTheDeadline) {
  Loop loop;
  EXPECT_TRUE(block_on(loop, sleep_for(loop, std::chrono::milliseconds(5))));
}

}  // namespace
}  // namespace dorsal::io
