#include "core/sql/own_identity.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

#define USER_VALUE "REPLACE(USER(),USER(),'app@10.1.2.3')"
#define NUMBER_VALUE "CAST(77 AS UNSIGNED)"

// The text as it was where nothing is to be changed.
std::string rewritten(std::string_view sql, LexerMode mode = {}) {
  return with_own_identity(sql, mode, {"app@10.1.2.3", 77}).value_or(std::string(sql));
}

void expect_unchanged(std::string_view sql) {
  EXPECT_FALSE(with_own_identity(sql, {}, {"app@10.1.2.3", 77})) << sql;
}

TEST(OwnIdentity, WhatAWriteKeepsIsTheClients) {
  EXPECT_EQ(rewritten("INSERT INTO log VALUES (USER(), connection_id ( ), 'USER()')"),
            "INSERT INTO log VALUES (" USER_VALUE ", " NUMBER_VALUE ", 'USER()')");
  EXPECT_EQ(rewritten("INSERT INTO log SELECT SYSTEM_USER(), a FROM t WHERE c = CONNECTION_ID()"),
            "INSERT INTO log SELECT " USER_VALUE ", a FROM t WHERE c = " NUMBER_VALUE);
  EXPECT_EQ(rewritten("update t set c=CONNECTION_ID()+1 where u=SESSION_USER();"),
            "update t set c=" NUMBER_VALUE "+1 where u=" USER_VALUE ";");
  EXPECT_EQ(rewritten("DELETE FROM work WHERE c = CONNECTION_ID() /* mine */"),
            "DELETE FROM work WHERE c = " NUMBER_VALUE " /* mine */");
  EXPECT_EQ(rewritten("SET @c = CONNECTION_ID(), @d = 1"), "SET @c = " NUMBER_VALUE ", @d = 1");
  EXPECT_EQ(rewritten("CALL p(CONNECTION_ID())"), "CALL p(" NUMBER_VALUE ")");
  EXPECT_EQ(rewritten("DO f(USER())"), "DO f(" USER_VALUE ")");
}

TEST(OwnIdentity, ColumnsKeepTheirNames) {
  EXPECT_EQ(rewritten("SELECT a FROM t WHERE c = CONNECTION_ID() ORDER BY USER()"),
            "SELECT a FROM t WHERE c = " NUMBER_VALUE " ORDER BY " USER_VALUE);
  EXPECT_EQ(rewritten("SELECT DISTINCT CONCAT( USER(), 1 ) , CONNECTION_ID()  + 0 FROM t"),
            "SELECT DISTINCT CONCAT( " USER_VALUE ", 1 ) AS `CONCAT( USER(), 1 )` , " NUMBER_VALUE
            "  + 0 AS `CONNECTION_ID()  + 0` FROM t");
  EXPECT_EQ(rewritten("SELECT (SELECT CONNECTION_ID() AS c) AS d"),
            "SELECT (SELECT " NUMBER_VALUE " AS c) AS d");
  EXPECT_EQ(rewritten("SELECT IF(CONNECTION_ID() = 1, 'a', 'b') AS x, 2"),
            "SELECT IF(" NUMBER_VALUE " = 1, 'a', 'b') AS x, 2");
  for (auto sql : {"SELECT CONNECTION_ID() = a",
                   "SELECT CONCAT(USER(), 1) x",
                   "SELECT CONCAT(USER(), 'quoted')",
                   "SELECT CONCAT(USER() /* c */, 1)",
                   "SELECT * FROM (SELECT USER()) AS t",
                   "SELECT (SELECT CONNECTION_ID()) + 0"}) {
    expect_unchanged(sql);
  }
}

TEST(OwnIdentity, RowsTellOfColumnsThatAreNothingElse) {
  for (auto sql : {"SELECT USER()",
                   "SELECT CONNECTION_ID() AS c, SESSION_USER() s, 1",
                   "SELECT user() FROM t LIMIT 1"}) {
    expect_unchanged(sql);
  }
  EXPECT_EQ(rewritten("SELECT USER() FROM t WHERE c = CONNECTION_ID()"),
            "SELECT USER() FROM t WHERE c = " NUMBER_VALUE);
}

TEST(OwnIdentity, ButNotWhereTheirRowsAreOthersToo) {
  EXPECT_EQ(rewritten("SELECT CONNECTION_ID() UNION SELECT 1"),
            "SELECT " NUMBER_VALUE " AS `CONNECTION_ID()` UNION SELECT 1");
  EXPECT_EQ(rewritten("SELECT CONNECTION_ID() INTO @c"),
            "SELECT " NUMBER_VALUE " AS `CONNECTION_ID()` INTO @c");
  EXPECT_EQ(rewritten("SELECT CONNECTION_ID() c; SELECT USER() AS u;"),
            "SELECT " NUMBER_VALUE " c; SELECT " USER_VALUE " AS u;");
  EXPECT_EQ(rewritten("WITH a AS (SELECT 1) SELECT USER() FROM a"),
            "WITH a AS (SELECT 1) SELECT " USER_VALUE " AS `USER()` FROM a");
}

TEST(OwnIdentity, NamesAreNoCalls) {
  for (auto sql : {"INSERT INTO user () VALUES ()",
                   "REPLACE user () VALUES ()",
                   "SELECT shop.user() AS u",
                   "SELECT user AS u FROM t WHERE user = 'x'",
                   "SELECT a FROM t WHERE b = SESSION_USER ()",
                   "SELECT a FROM t WHERE b = CURRENT_USER()",
                   "CALL user()",
                   "INSERT INTO t (user) VALUES ('USER()')"}) {
    expect_unchanged(sql);
  }
}

TEST(OwnIdentity, WhatServersSayOfConnectionsIsMetInTheirTerms) {
  for (auto sql : {"SELECT host FROM information_schema.processlist WHERE id = CONNECTION_ID()",
                   "SELECT a FROM t WHERE IS_USED_LOCK('l') = CONNECTION_ID()",
                   "SELECT a FROM t WHERE PS_THREAD_ID(CONNECTION_ID()) = 1",
                   "UPDATE t SET a = sys.ps_thread_id(CONNECTION_ID())"}) {
    expect_unchanged(sql);
  }
}

TEST(OwnIdentity, WhatRunsLaterOrCannotBeReadStaysAsItIs) {
  for (auto sql : {"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.u = USER()",
                   "CREATE PROCEDURE p() BEGIN DO 1; DELETE FROM t WHERE c = CONNECTION_ID(); END",
                   "CREATE VIEW v AS SELECT 1 AS a FROM t WHERE c = CONNECTION_ID()",
                   "PREPARE p FROM 'SELECT CONNECTION_ID()'",
                   "EXPLAIN SELECT a FROM t WHERE c = CONNECTION_ID()",
                   "INSERT INTO t VALUES (/*!80000 USER() */)",
                   "INSERT INTO t VALUES (USER(), 'unfinished",
                   "INSERT INTO t VALUES (USER(",
                   ""}) {
    expect_unchanged(sql);
  }
  EXPECT_FALSE(with_own_identity("SET @a = USER()", {}, {"o'brien@h", 1}));
  LexerMode big5;
  big5.unsafe_charset = true;
  EXPECT_EQ(rewritten("SET @a = USER()", big5), "SET @a = " USER_VALUE);
  EXPECT_EQ(rewritten("SET @a = USER(), @b = '\xa5'", big5), "SET @a = USER(), @b = '\xa5'");
}

TEST(OwnIdentity, ParenthesesThatDoNotMatchAreTheServersToRefuse) {
  EXPECT_EQ(rewritten("SET @a = USER()) + 1; DO 1"), "SET @a = " USER_VALUE ") + 1; DO 1");
  EXPECT_EQ(rewritten("DO (((USER()"), "DO (((" USER_VALUE);
}

TEST(OwnIdentity, WhatATextCostsIsBounded) {
  const std::string nested = "DO USER()" + std::string(1'000'000, '(');
  expect_unchanged(nested);
  expect_unchanged("DO USER() " + std::string(2'000'000, 'x'));
}

TEST(OwnIdentity, ASemicolonBehindASingleStatementChangesNothing) {
  expect_unchanged("SELECT USER(), VERSION() LIMIT 1;");
  EXPECT_EQ(rewritten("SELECT USER(), 1; SELECT 2;"),
            "SELECT " USER_VALUE " AS `USER()`, 1; SELECT 2;");
}

TEST(OwnIdentity, WithIgnoreSpaceABlankMakesNoStoredFunctionOfACall) {
  LexerMode mode;
  EXPECT_EQ(rewritten("DO f(SESSION_USER ())", mode), "DO f(SESSION_USER ())");
  mode.ignore_space = true;
  EXPECT_EQ(rewritten("DO f(SESSION_USER ())", mode), "DO f(" USER_VALUE ")");
}

}  // namespace
}  // namespace dorsal::sql
