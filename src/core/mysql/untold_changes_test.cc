#include "core/mysql/untold_changes.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

constexpr const char* kFirst = "11111111-1111-1111-1111-111111111111:1";
constexpr const char* kSecond = "11111111-1111-1111-1111-111111111111:2";

Trackers with_gtids(const char* gtids) {
  Trackers trackers;
  trackers.gtids = gtids;
  return trackers;
}

Trackers with_state(const char* state) {
  Trackers trackers;
  trackers.transaction_state = state;
  return trackers;
}

// What an OK tells that has these changes of its own.
Trackers told(UntoldChanges& untold, const Trackers& own = {}) {
  auto taken = untold.take(encode_trackers(own));
  EXPECT_TRUE(taken);
  EXPECT_EQ(*decode_trackers(taken->changes) == Trackers(), taken->changes.empty());
  return *decode_trackers(taken->changes);
}

TEST(UntoldChanges, WithoutAnyAnOkTellsItsOwnAsTheyAre) {
  UntoldChanges untold;
  const std::string own = encode_trackers(with_gtids(kFirst));
  EXPECT_EQ(untold.take(own)->changes, own);
  EXPECT_TRUE(untold.take(own)->has_flag);
  EXPECT_FALSE(untold.take("")->has_flag);
}

TEST(UntoldChanges, TheNextOkTellsEachAsItIsByThen) {
  UntoldChanges untold;
  Trackers kept;
  kept.variables = {{"time_zone", "+01:00"}, {"autocommit", "ON"}};
  kept.schema = "one";
  kept.state_changed = true;
  kept.characteristics = "START TRANSACTION;";
  ASSERT_TRUE(untold.keep(encode_trackers(kept)));
  Trackers own;
  own.variables = {{"sql_mode", ""}, {"time_zone", "+02:00"}};
  own.schema = "two";
  Trackers expected = kept;
  expected.variables = {{"time_zone", "+02:00"}, {"autocommit", "ON"}, {"sql_mode", ""}};
  expected.schema = "two";
  EXPECT_EQ(told(untold, own), expected);
  EXPECT_EQ(told(untold), Trackers()) << "told once";
}

TEST(UntoldChanges, GtidsAreUnitedWithinOneCommandAndForgottenBehindIt) {
  UntoldChanges untold;
  untold.command_begins();
  ASSERT_TRUE(untold.keep(encode_trackers(with_gtids(kFirst))));
  EXPECT_EQ(told(untold, with_gtids(kSecond)).gtids, "11111111-1111-1111-1111-111111111111:1-2");
  ASSERT_TRUE(untold.keep(encode_trackers(with_gtids(kFirst))));
  untold.command_begins();
  auto flag = untold.take("");
  EXPECT_TRUE(flag->has_flag);
  EXPECT_EQ(flag->changes, "");
}

TEST(UntoldChanges, AStateThatIsKnownIsNotToldAgain) {
  UntoldChanges untold;
  ASSERT_TRUE(untold.keep(encode_trackers(with_state("I_R__sS_"))));
  auto over = untold.take(encode_trackers(with_state("________")));
  EXPECT_TRUE(over->has_flag);
  EXPECT_EQ(over->changes, "");
  EXPECT_EQ(told(untold, with_state("T_______")), with_state("T_______"));
  ASSERT_TRUE(untold.keep(encode_trackers(with_state("T_R_____"))));
  ASSERT_TRUE(untold.keep(encode_trackers(with_state("T_______"))));
  EXPECT_EQ(told(untold), Trackers());
}

// Changes of so many variables, each with a value of so many bytes; their names begin with `first`.
std::string variables(std::size_t first, std::size_t count, std::size_t bytes) {
  Trackers trackers;
  for (std::size_t i = first; i < first + count; ++i) {
    trackers.variables.emplace_back("v" + std::to_string(i), std::string(bytes, 'x'));
  }
  return encode_trackers(trackers);
}

TEST(UntoldChanges, AServerThatMakesUpVariablesIsStopped) {
  UntoldChanges untold;
  std::size_t kept = 0;
  while (kept < 2 * UntoldChanges::kMostVariables && untold.keep(variables(kept, 100, 1))) {
    kept += 100;
  }
  EXPECT_GT(kept, UntoldChanges::kMostVariables - 200);
  EXPECT_LE(kept, UntoldChanges::kMostVariables);
  EXPECT_EQ(told(untold), Trackers());
}

TEST(UntoldChanges, AServerThatMakesUpLongValuesIsStopped) {
  UntoldChanges untold;
  std::size_t kept = 0;
  while (kept < 20 && untold.keep(variables(kept, 1, UntoldChanges::kMostBytes / 10))) ++kept;
  EXPECT_EQ(kept, 9U);
  EXPECT_TRUE(untold.take("")->has_flag);
}

TEST(UntoldChanges, AnOkWithTooManyIsAnError) {
  UntoldChanges untold;
  ASSERT_TRUE(untold.keep(variables(0, 1, 1)));
  EXPECT_FALSE(untold.take(variables(0, UntoldChanges::kMostVariables, 1)));
}

TEST(UntoldChanges, WhatChangesAgainAndAgainIsKeptOnce) {
  UntoldChanges untold;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(untold.keep(variables(0, 1, UntoldChanges::kMostBytes / 10)));
  }
  EXPECT_EQ(told(untold).variables.size(), 1U);
}

TEST(UntoldChanges, TheProxysOwnJoinThem) {
  UntoldChanges untold;
  EXPECT_EQ(untold.take_own(with_state("T_______")).changes,
            encode_trackers(with_state("T_______")));
  Trackers schema;
  schema.schema = "one";
  ASSERT_TRUE(untold.keep(encode_trackers(schema)));
  untold.keep_own(with_state("________"));
  schema.transaction_state = "________";
  const auto told = untold.take_own({});
  EXPECT_EQ(told.changes, encode_trackers(schema));
  EXPECT_TRUE(told.has_flag);
  EXPECT_FALSE(untold.take_own({}).has_flag);
}

TEST(UntoldChanges, WhatIsMalformedIsAnError) {
  UntoldChanges untold;
  EXPECT_FALSE(untold.keep(std::string("\x01\x09short", 7)));
  EXPECT_FALSE(untold.keep(encode_trackers(with_gtids("no set"))));
}

}  // namespace
}  // namespace dorsal::mysql
