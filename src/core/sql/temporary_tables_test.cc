#include "core/sql/temporary_tables.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

using Names = std::vector<std::string>;

TEST(TemporaryTables, AreNamedWithTheirSchema) {
  EXPECT_EQ(temporary_tables_in("CREATE TEMPORARY TABLE a (b INT)", {}, "s").made, Names{"s.a"});
  EXPECT_EQ(
      temporary_tables_in("create temporary table if not exists x.`a b` as select 1;", {}, "s")
          .made,
      Names{"x.a b"});
}

TEST(TemporaryTables, AreDroppedByEitherForm) {
  EXPECT_EQ(temporary_tables_in("DROP TEMPORARY TABLE IF EXISTS a, x.b", {}, "s").dropped,
            (Names{"s.a", "x.b"}));
  EXPECT_EQ(temporary_tables_in("DROP TABLES a CASCADE;", {}, "s").dropped, Names{"s.a"});
}

TEST(TemporaryTables, NothingIsSaidOfOtherStatements) {
  for (const char* sql : {"CREATE TABLE a (b INT)",
                          "DROP DATABASE a",
                          "CREATE TEMPORARY TABLE a (b INT); SELECT 1",
                          "DROP TABLE a; DROP TABLE b",
                          "SELECT 'DROP TABLE a'"}) {
    auto tables = temporary_tables_in(sql, {}, "s");
    EXPECT_TRUE(tables.made.empty() && tables.dropped.empty()) << sql;
  }
}

}  // namespace
}  // namespace dorsal::sql
