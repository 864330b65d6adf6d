#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace dorsal {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return invalid("odd");
  return number / 2;
}

Result<int> quarter(int number) {
  DORSAL_TRY(int once, half(number));
  return half(once);
}

TEST(Result, CarriesAValue) { EXPECT_EQ(*quarter(12), 3); }

TEST(Result, TryReturnsTheFirstFailure) {
  EXPECT_EQ(quarter(6).error().kind, ErrorKind::Invalid);
  EXPECT_EQ(quarter(3).error().message, "odd");
}

TEST(Result, ContextStandsInFrontOfTheMessage) {
  EXPECT_EQ(half(1).in("restore").error().message, "restore: odd");
  EXPECT_EQ(*half(4).in("restore"), 2);
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(7);
  auto taken = *std::move(made);
  EXPECT_EQ(*taken, 7);
}

TEST(ResultDeathTest, ReadingAFailedValueAborts) {
  EXPECT_DEATH((void)half(1).value(), "check failed");
}

}  // namespace
}  // namespace dorsal
