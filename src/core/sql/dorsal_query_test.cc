#include "core/sql/dorsal_query.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace dorsal::sql {
namespace {

std::string show(std::string_view sql) {
  auto query = parse_dorsal_query(sql, {});
  if (!query) return "none";
  switch (query->what) {
    case DorsalQuery::What::Variable:
      return "variable " + query->name + " as " + query->column;
    case DorsalQuery::What::ConnectionId:
      return "connection id as " + query->column;
    case DorsalQuery::What::Variables:
      return "variables like " + query->pattern;
    case DorsalQuery::What::Status:
      return "status like " + query->pattern;
  }
  return "";
}

TEST(DorsalQuery, VariablesByName) {
  EXPECT_EQ(show("SELECT @@dorsal_consistency"),
            "variable dorsal_consistency as @@dorsal_consistency");
  EXPECT_EQ(show("select @@SESSION.Dorsal_Consistency;"),
            "variable dorsal_consistency as @@SESSION.Dorsal_Consistency");
  EXPECT_EQ(show("SELECT @@dorsal_x AS `c d`"), "variable dorsal_x as c d");
  EXPECT_EQ(show("SELECT @@dorsal_x 'c'"), "variable dorsal_x as c");
}

TEST(DorsalQuery, WhatTheProxyKeepsForTheSession) {
  EXPECT_EQ(show("SELECT @@session_track_gtids"),
            "variable session_track_gtids as @@session_track_gtids");
  EXPECT_EQ(show("SELECT @@GLOBAL.session_track_gtids"), "none");
  EXPECT_EQ(show("SHOW VARIABLES LIKE 'session_track%'"), "variables like session_track%");
  EXPECT_EQ(show("SHOW GLOBAL VARIABLES LIKE 'session_track%'"), "none");
  EXPECT_EQ(show("SHOW STATUS LIKE 'session_track%'"), "none");
  EXPECT_EQ(show("SELECT CONNECTION_ID()"), "connection id as CONNECTION_ID()");
  EXPECT_EQ(show("select connection_id ( ) AS id;"), "connection id as id");
  EXPECT_EQ(show("SELECT CONNECTION_ID() + 1"), "none");
  EXPECT_EQ(show("SELECT CONNECTION_ID"), "none");
}

TEST(DorsalQuery, ListsByPattern) {
  EXPECT_EQ(show("SHOW VARIABLES LIKE 'dorsal%'"), "variables like dorsal%");
  EXPECT_EQ(show("show global variables like \"DORSAL_x\""), "variables like dorsal_x");
  EXPECT_EQ(show("SHOW STATUS LIKE 'dorsal\\_%';"), "status like dorsal\\_%");
}

TEST(DorsalQuery, AnythingMoreIsNotDorsals) {
  for (auto sql : {"SELECT @@sql_mode",
                   "SELECT @@dorsal_x, 1",
                   "SELECT @@dorsal_x FROM t",
                   "SELECT @@dorsal_x AS",
                   "SELECT @@dorsal_x; SELECT 1",
                   "SHOW VARIABLES",
                   "SHOW VARIABLES LIKE 'd%'",
                   "SHOW VARIABLES LIKE 'dorsal%' 1",
                   "SHOW VARIABLES LIKE 'dorsal'",
                   "SHOW VARIABLES LIKE 'session_track'",
                   "SHOW TABLES LIKE 'dorsal%'",
                   "SELECT 1",
                   "",
                   "SELECT @@dorsal_x /*!99999 , 1 */"}) {
    EXPECT_EQ(show(sql), "none") << sql;
  }
}

TEST(MatchesLike, WildcardsAndEscapes) {
  EXPECT_TRUE(matches_like("dorsal_consistency", "dorsal%"));
  EXPECT_TRUE(matches_like("dorsal_consistency", "dorsal\\_con%cy"));
  EXPECT_TRUE(matches_like("dorsal_x", "dorsal__"));
  EXPECT_TRUE(matches_like("aXbXc", "a%X%c"));
  EXPECT_TRUE(matches_like("", "%%"));
  EXPECT_FALSE(matches_like("dorsalx", "dorsal\\_"));
  EXPECT_FALSE(matches_like("dorsal", "dorsal_"));
  EXPECT_FALSE(matches_like("dorsal_x", "dorsal"));
  EXPECT_FALSE(matches_like("a", ""));
}

TEST(MatchesLike, ManyWildcardsTakeNoLonger) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "%a";
  EXPECT_FALSE(matches_like(std::string(500, 'a') + "b", pattern));
}

}  // namespace
}  // namespace dorsal::sql
