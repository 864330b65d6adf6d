#include "base/counters.h"

#include <gtest/gtest.h>

namespace dorsal {
namespace {

TEST(Counters, TheSameNameAndLabelsAreOneNumber) {
  Counters counters;
  counters.counter("reads_total", "Reads", {{"server", "a"}}).add(2);
  counters.counter("reads_total", "Reads", {{"server", "a"}}).add(3);
  counters.counter("reads_total", "Reads", {{"server", "b"}}).add(1);
  auto samples = counters.read();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].value, 5);
  EXPECT_EQ(samples[1].value, 1);
}

TEST(Counters, ReferencesSurviveNewNumbers) {
  Counters counters;
  Number& first = counters.gauge("first", "");
  for (int i = 0; i < 1000; ++i) counters.gauge("n" + std::to_string(i), "");
  first.set(7);
  EXPECT_EQ(counters.read().front().value, 7);
}

}  // namespace
}  // namespace dorsal
