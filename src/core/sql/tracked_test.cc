#include "core/sql/tracked.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace dorsal::sql {
namespace {

// The server refuses a list with a name twice (error 3026).
TEST(Tracked, NoNameTwice) {
  std::set<std::string_view> seen;
  std::string_view rest = tracked_variables();
  while (!rest.empty()) {
    std::string_view name = rest.substr(0, rest.find(','));
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_TRUE(is_tracked(name) != is_guarded(name)) << name;
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
  }
  EXPECT_GT(seen.size(), 80U);
}

// A server warns of names that it does not know, and a client's first SHOW WARNINGS would have it.
// No supported server knows these any more.
TEST(Tracked, NoNameIsLongGone) {
  EXPECT_EQ(carry("tx_isolation"), Carry::Pins);
  EXPECT_EQ(carry("tx_read_only"), Carry::Pins);
}

TEST(Tracked, EachVariableHasOnePlace) {
  EXPECT_EQ(carry("SQL_MODE"), Carry::Carried);
  EXPECT_EQ(carry("time_zone"), Carry::Carried);
  EXPECT_EQ(carry("long_query_time"), Carry::Carried);
  EXPECT_EQ(carry("session_track_gtids"), Carry::Guarded);
  for (auto name : {"gtid_next",
                    "sql_log_bin",
                    "timestamp",
                    "rand_seed1",
                    "insert_id",
                    "sql_auto_is_null",
                    "optimizer_trace",
                    "no_such_variable",
                    ""}) {
    EXPECT_EQ(carry(name), Carry::Pins) << name;
  }
}

TEST(Tracked, WhatChangesAnotherComesBeforeIt) {
  EXPECT_LT(carry_order("default_collation_for_utf8mb4"), carry_order("character_set_connection"));
  EXPECT_LT(carry_order("character_set_connection"), carry_order("collation_connection"));
  EXPECT_LT(carry_order("collation_connection"), carry_order("no_such_variable"));
}

TEST(SetClause, QuotesTextAndLeavesNumbersBare) {
  EXPECT_EQ(set_clause("sort_buffer_size", "262144"), "sort_buffer_size=262144");
  EXPECT_EQ(set_clause("secondary_engine_cost_threshold", "100000.000000"),
            "secondary_engine_cost_threshold=100000.000000");
  EXPECT_EQ(set_clause("time_zone", "+00:00"), "time_zone='+00:00'");
  EXPECT_EQ(set_clause("sql_mode", ""), "sql_mode=''");
  EXPECT_EQ(set_clause("time_zone", "it's"), "time_zone='it''s'");
  EXPECT_EQ(set_clause("lc_messages", "a\\b"), "lc_messages=x'615c62'");
  EXPECT_EQ(set_clause("character_set_results", ""), "character_set_results=NULL");
  EXPECT_EQ(set_clause("innodb_ft_user_stopword_table", ""), "innodb_ft_user_stopword_table=NULL");
  EXPECT_EQ(set_clause("x", "1.2.3"), "x='1.2.3'");
  EXPECT_EQ(set_clause("x", "-"), "x='-'");
}

}  // namespace
}  // namespace dorsal::sql
