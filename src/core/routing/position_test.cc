#include "core/routing/position.h"

#include <gtest/gtest.h>

namespace dorsal::routing {
namespace {

constexpr const char* kA = "11111111-1111-1111-1111-111111111111";
constexpr const char* kB = "22222222-2222-2222-2222-222222222222";

mysql::GtidSet set(const std::string& text) { return *mysql::parse_gtid_set(text); }
std::string a(const std::string& rest) { return std::string(kA) + rest; }
std::string b(const std::string& rest) { return std::string(kB) + rest; }

TEST(Position, AReplicaCoversWhatItHasExecuted) {
  SourceTable sources;
  auto executed = executed_position(set(a(":1-10")), sources);
  EXPECT_TRUE(executed.covers(*required_position(set(a(":10")), sources)));
  EXPECT_FALSE(executed.covers(*required_position(set(a(":11")), sources)));
}

TEST(Position, AHoleCountsAsTheEndOfWhatIsThere) {
  SourceTable sources;
  auto executed = executed_position(set(a(":1-5:7-10")), sources);
  EXPECT_TRUE(executed.covers(*required_position(set(a(":5")), sources)));
  EXPECT_FALSE(executed.covers(*required_position(set(a(":8")), sources)));
}

TEST(Position, WithoutItsFirstTransactionASourceCountsAsMissing) {
  SourceTable sources;
  auto executed = executed_position(set(a(":2-10")), sources);
  EXPECT_FALSE(executed.covers(*required_position(set(a(":5")), sources)));
}

TEST(Position, EverySourceMustBeCovered) {
  SourceTable sources;
  auto executed = executed_position(set(a(":1-10") + "," + b(":1-3")), sources);
  EXPECT_TRUE(executed.covers(*required_position(set(a(":2") + "," + b(":3")), sources)));
  EXPECT_FALSE(executed.covers(*required_position(set(a(":2") + "," + b(":4")), sources)));
}

TEST(Position, TagsAreSourcesOfTheirOwn) {
  SourceTable sources;
  auto executed = executed_position(set(a(":1-10")), sources);
  EXPECT_FALSE(executed.covers(*required_position(set(a(":blue:1")), sources)));
}

TEST(Position, RaisingNeverLowers) {
  SourceTable sources;
  auto high = *required_position(set(a(":9")), sources);
  high.raise(*required_position(set(a(":4") + "," + b(":2")), sources));
  EXPECT_EQ(to_gtid_text(high, sources.names()), a(":1-9,") + b(":1-2"));
}

TEST(Position, AFullTableMakesARequirementIncomparable) {
  SourceTable sources;
  for (std::size_t i = 0; i < kMaxSources; ++i) ASSERT_TRUE(sources.index_of(std::to_string(i)));
  EXPECT_FALSE(required_position(set(a(":1")), sources).has_value());
  EXPECT_TRUE(executed_position(set(a(":1-4")), sources).empty());
}

}  // namespace
}  // namespace dorsal::routing
