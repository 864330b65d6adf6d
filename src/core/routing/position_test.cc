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

TEST(Position, HoldsAsManySourcesAsThereAre) {
  Position position;
  EXPECT_TRUE(position.empty());
  EXPECT_EQ(position.of(kMaxSources - 1), 0u);
  for (const std::size_t source :
       {std::size_t{0}, std::size_t{7}, std::size_t{8}, kMaxSources - 1}) {
    const Position before = position;
    position.raise(source, source + 5);
    EXPECT_EQ(position.of(source), source + 5);
    EXPECT_EQ(position.sources(), source + 1);
    EXPECT_TRUE(position.covers(before));
    EXPECT_FALSE(before.covers(position));
    position.raise(source, 1);
    EXPECT_EQ(position.of(source), source + 5) << "it was lowered";
  }
  Position other;
  other.raise(position);
  EXPECT_TRUE(other.covers(position));
  position.lower(8, 2);
  EXPECT_EQ(position.of(8), 2u);
  position.lower(20, 2);
  EXPECT_EQ(position.of(20), 0u);
  EXPECT_FALSE(position.covers(other));
}

TEST(Position, AFullTableMakesARequirementIncomparable) {
  SourceTable sources;
  for (std::size_t i = 0; i < kMaxSources; ++i) ASSERT_TRUE(sources.index_of(std::to_string(i)));
  EXPECT_FALSE(required_position(set(a(":1")), sources).has_value());
  EXPECT_TRUE(executed_position(set(a(":1-4")), sources).empty());
}

}  // namespace
}  // namespace dorsal::routing
