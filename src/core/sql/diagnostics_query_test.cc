#include "core/sql/diagnostics_query.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

using What = DiagnosticsQuery::What;

TEST(DiagnosticsQuery, ReadsEveryForm) {
  struct Case {
    const char* sql;
    What what;
    const char* column;
  };
  for (const Case& c :
       {Case{"SHOW WARNINGS", What::Warnings, ""},
        Case{"show errors limit 1, 2 ;", What::Errors, ""},
        Case{"SHOW COUNT(*) WARNINGS", What::WarningCount, "@@session.warning_count"},
        Case{"SELECT @@error_count AS `e`", What::ErrorCount, "e"},
        Case{"SELECT @@session.warning_count", What::WarningCount, "@@session.warning_count"},
        Case{"select Found_Rows( )", What::FoundRows, "Found_Rows( )"},
        Case{"SELECT ROW_COUNT() n", What::RowCount, "n"}}) {
    auto query = parse_diagnostics_query(c.sql, {});
    ASSERT_TRUE(query) << c.sql;
    EXPECT_EQ(query->what, c.what) << c.sql;
    EXPECT_EQ(query->column, c.column) << c.sql;
  }
}

TEST(DiagnosticsQuery, ReadsLimits) {
  auto comma = parse_diagnostics_query("SHOW WARNINGS LIMIT 3, 5", {});
  ASSERT_TRUE(comma);
  EXPECT_EQ(comma->offset, 3U);
  EXPECT_EQ(comma->limit, 5U);
  auto word = parse_diagnostics_query("SHOW WARNINGS LIMIT 5 OFFSET 3", {});
  ASSERT_TRUE(word);
  EXPECT_EQ(word->offset, 3U);
  EXPECT_EQ(word->limit, 5U);
}

TEST(DiagnosticsQuery, LeavesEverythingElseAlone) {
  for (const char* sql : {"SHOW TABLES",
                          "SHOW WARNINGS LIMIT x",
                          "SELECT FOUND_ROWS() + 1",
                          "SELECT FOUND_ROWS(), ROW_COUNT()",
                          "SELECT @@global.warning_count",
                          "SELECT @@sql_mode",
                          "SHOW WARNINGS; SELECT 1",
                          "SELECT ROW_COUNT() FROM t"}) {
    EXPECT_FALSE(parse_diagnostics_query(sql, {})) << sql;
  }
}

// What stands behind it; empty when the text does not begin with such a query.
std::string rest_of(std::string_view sql) {
  auto leading = parse_leading_diagnostics_query(sql, {});
  return leading ? std::string(sql.substr(leading->rest)) : "";
}

TEST(ParseLeadingDiagnosticsQuery, SaysWhereTheNextStatementBegins) {
  EXPECT_EQ(rest_of("SHOW WARNINGS; SELECT 1; SELECT 2"), "SELECT 1; SELECT 2");
  EXPECT_EQ(rest_of("/* c */ SHOW WARNINGS LIMIT 1 ;-- d\nSHOW ERRORS"), "SHOW ERRORS");
  EXPECT_EQ(rest_of("SELECT @@warning_count AS n;DO 1"), "DO 1");
  EXPECT_EQ(parse_leading_diagnostics_query("SHOW ERRORS LIMIT 1, 2; DO 1", {})->query.offset, 1U);
  EXPECT_EQ(rest_of("SHOW WARNINGS;;"), ";");
}

TEST(ParseLeadingDiagnosticsQuery, IsEmptyForEverythingElse) {
  for (auto sql : {"SHOW WARNINGS",
                   "SHOW WARNINGS;",
                   "SHOW WARNINGS; -- nothing",
                   "SELECT 1; SHOW WARNINGS",
                   "SHOW WARNINGS LIMIT x; DO 1",
                   "SELECT @@warning_count, 1; DO 1",
                   "/*!80000 SHOW WARNINGS; */ DO 1",
                   "SHOW WARNINGS; 'x"}) {
    EXPECT_EQ(rest_of(sql), "") << sql;
  }
}

}  // namespace
}  // namespace dorsal::sql
