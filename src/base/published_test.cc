#include "base/published.h"

#include <gtest/gtest.h>

#include <thread>

namespace dorsal {
namespace {

TEST(Published, IsEmptyUntilTheFirstValue) {
  Published<int> number;
  EXPECT_EQ(number.load(), nullptr);
  EXPECT_EQ(number.version(), 0u);
}

TEST(Published, AReaderKeepsWhatItHas) {
  Published<int> number;
  number.store(std::make_shared<int>(1));
  auto first = number.load();
  auto version = number.version();
  number.store(std::make_shared<int>(2));
  EXPECT_EQ(*first, 1);
  EXPECT_EQ(*number.load(), 2);
  EXPECT_GT(number.version(), version);
}

TEST(Published, ReadersNeverGoBack) {
  Published<int> number;
  number.store(std::make_shared<int>(0));
  constexpr int kLast = 20'000;
  std::thread writer([&] {
    for (int i = 1; i <= kLast; ++i) number.store(std::make_shared<int>(i));
  });
  for (int seen = 0; seen < kLast;) {
    auto at_least = static_cast<int>(number.version()) - 1;
    int now = *number.load();
    EXPECT_GE(now, at_least);
    EXPECT_GE(now, seen);
    seen = now;
  }
  writer.join();
}

}  // namespace
}  // namespace dorsal
