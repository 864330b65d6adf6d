#include "core/routing/latency.h"

#include <gtest/gtest.h>

namespace dorsal::routing {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kMillisecond = 1'000'000;

class LatencyTest : public testing::Test {
 protected:
  // So many answers, one after the other.
  void answers(int count, Duration each) {
    for (int i = 0; i < count; ++i) {
      now_ += each;
      latency_.note(each, now_);
    }
  }

  TimePoint now_{seconds(1000)};
  Latency latency_;
};

TEST_F(LatencyTest, IsUnknownAtFirstAndThenTheFirstSample) {
  EXPECT_EQ(latency_.ns(now_), 0);
  latency_.note(milliseconds(3), now_);
  EXPECT_EQ(latency_.ns(now_), 3 * kMillisecond);
}

TEST_F(LatencyTest, OneSlowAnswerAmongManyIsForgotten) {
  answers(1000, microseconds(500));
  latency_.note(milliseconds(50), now_);
  EXPECT_LT(latency_.ns(now_), kMillisecond * 11 / 10);
  answers(500, microseconds(500));
  EXPECT_LT(latency_.ns(now_), kMillisecond * 6 / 10);
}

TEST_F(LatencyTest, AServerThatBecomesSlowIsNoticedWithinItsFirstSlowAnswers) {
  answers(1000, microseconds(500));
  answers(20, milliseconds(40));
  EXPECT_GT(latency_.ns(now_), 25 * kMillisecond);
}

TEST_F(LatencyTest, WhatIsNotRenewedHalvesEverySecond) {
  latency_.note(milliseconds(8), now_);
  EXPECT_EQ(latency_.ns(now_ + milliseconds(999)), 8 * kMillisecond);
  EXPECT_EQ(latency_.ns(now_ + seconds(1)), 4 * kMillisecond);
  EXPECT_EQ(latency_.ns(now_ + seconds(3)), kMillisecond);
  EXPECT_EQ(latency_.ns(now_ + seconds(1000)), 0);
}

TEST_F(LatencyTest, AFailureIsWorseThanAnyAnswerAndGoesByToo) {
  answers(100, milliseconds(1));
  latency_.note_failure(now_);
  EXPECT_GE(latency_.ns(now_), 500 * kMillisecond);
  answers(20, milliseconds(100));
  EXPECT_LT(latency_.ns(now_), 150 * kMillisecond);
}

}  // namespace
}  // namespace dorsal::routing
