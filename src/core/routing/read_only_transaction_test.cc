#include "core/routing/read_only_transaction.h"

#include <gtest/gtest.h>

namespace dorsal::routing {
namespace {

using sql::Kind;

sql::Statement classified(std::string_view sql) { return sql::classify(sql, sql::LexerMode()); }

TEST(ReadOnlyTransaction, HasTouchedNothingUntilItReadsATable) {
  ReadOnlyTransaction transaction;
  transaction.note(Kind::BeginReadOnly, "T_______", "START TRANSACTION READ ONLY;");
  transaction.note(Kind::Select, "T_____S_", "");
  EXPECT_FALSE(transaction.has_touched_something());
  transaction.note(Kind::Select, "", "");
  EXPECT_FALSE(transaction.has_touched_something());
  transaction.note(Kind::Select, "T_R___S_", "");
  EXPECT_TRUE(transaction.has_touched_something());
  transaction.note(Kind::Select, "T_____S_", "");
  EXPECT_TRUE(transaction.has_touched_something()) << "it cannot have undone that";
}

TEST(ReadOnlyTransaction, ASnapshotOrASavepointCannotBeRepeated) {
  for (Kind kind : {Kind::BeginReadOnlySnapshot, Kind::BeginSnapshot, Kind::Savepoint}) {
    ReadOnlyTransaction transaction;
    transaction.note(kind, "T_______", "");
    EXPECT_TRUE(transaction.has_touched_something());
  }
}

TEST(ReadOnlyTransaction, KnowsTheStatementsThatBeganIt) {
  ReadOnlyTransaction transaction;
  transaction.note(Kind::BeginReadOnly,
                   "T_______",
                   "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION READ ONLY;");
  const std::vector<std::string> expected = {"SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
                                             "START TRANSACTION READ ONLY"};
  EXPECT_EQ(transaction.beginning(), expected);
  transaction.note(Kind::Select, "T_R_____", "");
  EXPECT_EQ(transaction.beginning(), expected) << "no news is no change";
}

TEST(JudgeInReadOnly, ReadsAndTheEndOfTheTransactionStay) {
  for (auto sql : {"SELECT a FROM t",
                   "COMMIT",
                   "ROLLBACK",
                   "SAVEPOINT s",
                   "ROLLBACK TO s",
                   "SHOW WARNINGS",
                   "COMMIT AND CHAIN"}) {
    for (bool may_move : {false, true}) {
      EXPECT_EQ(judge_in_read_only(classified(sql), may_move), InReadOnly::Stay) << sql;
    }
  }
}

TEST(JudgeInReadOnly, WhatCommitsOnAServerCommitsFirst) {
  for (auto sql : {"BEGIN",
                   "START TRANSACTION",
                   "START TRANSACTION READ ONLY",
                   "LOCK TABLES t READ",
                   "FLUSH TABLES",
                   "CREATE TABLE x (a INT)",
                   "DROP TABLE t"}) {
    EXPECT_EQ(judge_in_read_only(classified(sql), false), InReadOnly::EndFirst) << sql;
  }
}

TEST(JudgeInReadOnly, WhatNeedsThePrimaryTakesTheTransactionThere) {
  for (auto sql : {"SELECT a FROM t FOR UPDATE",
                   "SELECT GET_LOCK('x', 1)",
                   "INSERT INTO t VALUES (1)",
                   "CREATE TEMPORARY TABLE x (a INT)",
                   "SELECT @@server_id",
                   "/* dorsal: primary */ SELECT a FROM t",
                   "CALL p()",
                   "SHUTDOWN"}) {
    EXPECT_EQ(judge_in_read_only(classified(sql), true), InReadOnly::ToPrimary) << sql;
  }
}

TEST(JudgeInReadOnly, OnceItHasReadOnlyWhatMeansNothingOnAReplicaIsRefused) {
  for (auto sql : {"SELECT a FROM t FOR SHARE",
                   "SELECT a FROM t LOCK IN SHARE MODE",
                   "SELECT GET_LOCK('x', 1)",
                   "SHUTDOWN",
                   "SET ROLE NONE",
                   "/* dorsal: primary */ SELECT a FROM t"}) {
    EXPECT_EQ(judge_in_read_only(classified(sql), false), InReadOnly::Refuse) << sql;
  }
  // These the server refuses in its own words, or they do no harm.
  for (auto sql : {"INSERT INTO t VALUES (1)",
                   "SELECT a FROM t FOR UPDATE",
                   "CREATE TEMPORARY TABLE x (a INT)",
                   "DROP TEMPORARY TABLE IF EXISTS x",
                   "SELECT @@server_id",
                   "SELECT my_function(1)",
                   "CALL p()",
                   "SELEKT",
                   "SELECT @a := 1"}) {
    EXPECT_EQ(judge_in_read_only(classified(sql), false), InReadOnly::Stay) << sql;
  }
}

}  // namespace
}  // namespace dorsal::routing
