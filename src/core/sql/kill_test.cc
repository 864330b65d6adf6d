#include "core/sql/kill.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

TEST(Kill, ConnectionAndQuery) {
  EXPECT_EQ(parse_kill("KILL 5", {})->id, 5U);
  EXPECT_FALSE(parse_kill("kill connection 5;", {})->query_only);
  auto query = parse_kill("/* x */ KILL QUERY 18446744073709551615", {});
  ASSERT_TRUE(query);
  EXPECT_TRUE(query->query_only);
  EXPECT_EQ(query->id, 18446744073709551615U);
}

TEST(Kill, OnlyPlainNumbersAreUnderstood) {
  for (auto sql : {"KILL",
                   "KILL x",
                   "KILL @x",
                   "KILL 5+1",
                   "KILL 1.5",
                   "KILL 0x5",
                   "KILL -5",
                   "KILL 18446744073709551616",
                   "KILL 5; SELECT 1",
                   "KILL CONNECTION_ID()",
                   "KILL 5 /*!99999 x */",
                   "SELECT 5"}) {
    EXPECT_FALSE(parse_kill(sql, {})) << sql;
  }
}

}  // namespace
}  // namespace dorsal::sql
