#include "edge/io/event.h"

#include <gtest/gtest.h>

#include <vector>

#include "edge/io/scope.h"

namespace dorsal::io {
namespace {

Task<> note(Event& event, Deadline deadline, int number, std::vector<int>& out) {
  bool happened = co_await event.wait(deadline);
  out.push_back(happened ? number : -number);
}

Task<> three_waiters(Loop& loop, std::vector<int>& out) {
  Event event(loop);
  Scope scope(loop);
  for (int number : {1, 2, 3}) scope.spawn(note(event, Deadline::never(), number, out));
  co_await loop.sleep_until(loop.after(std::chrono::milliseconds(1)));
  event.set();
  co_await scope.join();
  EXPECT_TRUE(co_await event.wait(Deadline::never())) << "a set event lets everybody pass";
}

TEST(Event, SetWakesAllInOrder) {
  Loop loop;
  std::vector<int> out;
  block_on(loop, three_waiters(loop, out));
  EXPECT_EQ(out, (std::vector<int>{1, 2, 3}));
}

Task<> time_out(Loop& loop) {
  Event event(loop);
  auto deadline = loop.after(std::chrono::milliseconds(3));
  EXPECT_FALSE(co_await event.wait(deadline));
  auto late = loop.now() - deadline.when();
  EXPECT_GE(late, Duration::zero());
}

TEST(Event, WaitEndsAtTheDeadline) {
  Loop loop;
  block_on(loop, time_out(loop));
}

Task<> broadcast(Loop& loop, std::vector<int>& out) {
  Event event(loop);
  Scope scope(loop);
  scope.spawn(note(event, Deadline::never(), 1, out));
  co_await loop.sleep_until(loop.after(std::chrono::milliseconds(1)));
  event.notify_all();
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(co_await event.wait(loop.after(std::chrono::milliseconds(1))));
  co_await scope.join();
}

TEST(Event, NotifyAllLeavesNoTrace) {
  Loop loop;
  std::vector<int> out;
  block_on(loop, broadcast(loop, out));
  EXPECT_EQ(out, std::vector<int>{1});
}

Task<> cancel_waiter(Loop& loop, std::vector<int>& out) {
  Event event(loop);
  Scope scope(loop);
  scope.spawn(note(event, Deadline::never(), 7, out));
  co_await loop.sleep_until(loop.after(std::chrono::milliseconds(1)));
  co_await scope.cancel_and_join();
}

TEST(Event, CancelledWaiterIsToldFalse) {
  Loop loop;
  std::vector<int> out;
  block_on(loop, cancel_waiter(loop, out));
  EXPECT_EQ(out, std::vector<int>{-7});
}

}  // namespace
}  // namespace dorsal::io
