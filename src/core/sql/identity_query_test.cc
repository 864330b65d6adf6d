#include "core/sql/identity_query.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace dorsal::sql {
namespace {

std::string show(std::string_view sql) {
  const IdentityQuery query = parse_identity_query(sql, {});
  std::string text = query.lists_sessions ? "sessions" : "";
  for (const auto& column : query.columns) {
    const bool is_user = column.what == IdentityQuery::What::User;
    text += (text.empty() ? "" : " ") + std::to_string(column.place) + (is_user ? "u" : "c");
  }
  return text;
}

TEST(IdentityQuery, ColumnsThatTellWhoTheClientIs) {
  EXPECT_EQ(show("SELECT USER()"), "0u");
  EXPECT_EQ(show("select user ( ) ;"), "0u");
  EXPECT_EQ(show("SELECT SESSION_USER() AS s, SYSTEM_USER() t"), "0u 1u");
  EXPECT_EQ(show("select DATABASE(), USER() limit 1"), "1u");
  EXPECT_EQ(show("SELECT CONNECTION_ID(), 1, USER() 'x', CONNECTION_ID() AS `c`"), "0c 2u 3c");
  EXPECT_EQ(show("SELECT CONCAT(1, (2)), IF(a, b, c), USER() FROM t WHERE a IN (1, 2)"), "2u");
  EXPECT_EQ(show("/* c */ SELECT DISTINCT USER() FROM t ORDER BY a, b LIMIT 1, 2"), "0u");
  EXPECT_EQ(show("SELECT 2 * 3, USER()"), "1u");
}

TEST(IdentityQuery, ColumnsThatAreMoreThanThatAreLeftAlone) {
  for (auto sql : {"SELECT USER() = 'x'",
                   "SELECT CONCAT(USER())",
                   "SELECT CONNECTION_ID() + 1",
                   "SELECT (USER())",
                   "SELECT user FROM mysql.user",
                   "SELECT user, host",
                   "SELECT s.user()",
                   "SELECT SESSION_USER ()",
                   "SELECT USER(1)",
                   "SELECT 'USER()'",
                   "SELECT CURRENT_USER()",
                   "INSERT INTO t VALUES (USER())"}) {
    EXPECT_EQ(show(sql), "") << sql;
  }
}

TEST(IdentityQuery, WhereColumnsCannotBeCountedNoneIsTaken) {
  EXPECT_EQ(show("SELECT *, USER() FROM t"), "");
  EXPECT_EQ(show("SELECT USER(), t.*, CONNECTION_ID() FROM t"), "0u");
  EXPECT_EQ(show("SELECT USER() UNION SELECT 'a@b'"), "");
  EXPECT_EQ(show("SELECT USER() FROM t UNION ALL SELECT 'a@b'"), "");
  EXPECT_EQ(show("SELECT USER(), (SELECT 1 UNION SELECT 1)"), "0u");
  EXPECT_EQ(show("SELECT USER(); SELECT 1"), "");
  EXPECT_EQ(show("SELECT /*!80000 1, */ USER()"), "");
  EXPECT_EQ(show("SELECT USER(), 'unfinished"), "");
}

TEST(IdentityQuery, ListsOfSessions) {
  EXPECT_EQ(show("SHOW PROCESSLIST"), "sessions");
  EXPECT_EQ(show("show full processlist;"), "sessions");
  EXPECT_EQ(show("SHOW FULL TABLES"), "");
  EXPECT_EQ(show("SHOW PROCESSLIST; SELECT 1"), "");
}

}  // namespace
}  // namespace dorsal::sql
