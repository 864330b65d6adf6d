#include "service/proxy/wait_turns.h"

#include <gtest/gtest.h>

#include <vector>

#include "edge/io/scope.h"

namespace dorsal::proxy {
namespace {

using std::chrono::seconds;

class WaitTurnsTest : public testing::Test {
 protected:
  // Takes its turn, and holds it until it is told that somebody else waits.
  io::Task<> ask(std::size_t server, int who) {
    WaitTurn turn;
    while (!turns_.try_take(server, turn)) {
      const bool was_released = co_await turns_.released(server, loop_.after(seconds(30)));
      EXPECT_TRUE(was_released);
    }
    EXPECT_EQ(++busy_[server], 1) << "two have the turn at once";
    order_.push_back(who);
    const bool goes_on = co_await loop_.sleep_until(loop_.after(std::chrono::milliseconds(1)));
    EXPECT_TRUE(goes_on);
    --busy_[server];
  }

  io::Loop loop_;
  WaitTurns turns_{loop_};
  std::map<std::size_t, int> busy_;
  std::vector<int> order_;
};

TEST_F(WaitTurnsTest, OnlyOneAtATimeHasTheTurnAtAServer) {
  io::Scope scope(loop_);
  for (int who = 0; who < 5; ++who) scope.spawn(ask(1, who));
  io::block_on(loop_, scope.join());
  EXPECT_EQ(order_, (std::vector<int>{0, 1, 2, 3, 4})) << "in the order in which they came";
}

TEST_F(WaitTurnsTest, ServersHaveTurnsOfTheirOwn) {
  WaitTurn one;
  WaitTurn other;
  EXPECT_TRUE(turns_.try_take(1, one));
  EXPECT_TRUE(turns_.try_take(2, other));
  EXPECT_FALSE(turns_.try_take(2, one));
}

TEST_F(WaitTurnsTest, ATurnEndsWithWhoeverHasIt) {
  {
    WaitTurn turn;
    EXPECT_TRUE(turns_.try_take(1, turn));
    WaitTurn moved = std::move(turn);
    WaitTurn other;
    EXPECT_FALSE(turns_.try_take(1, other)) << "moving it releases nothing";
  }
  WaitTurn turn;
  EXPECT_TRUE(turns_.try_take(1, turn));
}

TEST_F(WaitTurnsTest, WaitingForOneEndsWithTheDeadline) {
  WaitTurn turn;
  EXPECT_TRUE(turns_.try_take(1, turn));
  auto waited = io::block_on(loop_, turns_.released(1, loop_.after(std::chrono::milliseconds(1))));
  EXPECT_FALSE(waited);
}

}  // namespace
}  // namespace dorsal::proxy
