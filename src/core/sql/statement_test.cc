#include "core/sql/statement.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace dorsal::sql {
namespace {

static_assert(std::is_trivially_copyable_v<Statement>);
static_assert(sizeof(Statement) <= 48);

TEST(Statement, WhatNobodyKnowsStaysOnThePrimaryAndMayWrite) {
  Statement statement = classify("FROBNICATE t", {});
  EXPECT_EQ(statement.place, Place::Primary);
  EXPECT_TRUE(statement.may_write);
  EXPECT_TRUE(statement.pins.has(Pin::Hidden));
}

TEST(Statement, ReplicaHintNeverMovesAWrite) {
  for (auto sql : {"/* dorsal: replica */ DELETE FROM t",
                   "/* dorsal: replica */ SELECT f()",
                   "/* dorsal: replica */ SELECT 1 FROM t FOR UPDATE"}) {
    EXPECT_EQ(classify(sql, {}).place, Place::Primary) << sql;
  }
}

TEST(Statement, HintsOfOneCommentAddUp) {
  Statement statement =
      classify("/* dorsal: primary */ /* dorsal:consistency=Strong */ SELECT 1", {});
  EXPECT_EQ(statement.forced, Place::Primary);
  EXPECT_EQ(statement.consistency, Consistency::Strong);
  EXPECT_FALSE(statement.misspelt_hint);
}

// The primary is the safe answer, so whatever a server might see in the text must not be lost by
// cutting it short: every prefix of a locking read that still has its lock stays where it is.
TEST(Statement, ALockIsSeenBehindEveryKindOfText) {
  for (std::string before : {"'a'",
                             "\"a\"",
                             "`a`",
                             "1.5",
                             "1e5",
                             "0x1",
                             "@@sql_mode",
                             "/* ' */ 1",
                             "-- '\n 1",
                             "# `\n 1",
                             "'\\\\'",
                             "''''",
                             "x'41'",
                             "t.a",
                             "(1)",
                             "?"}) {
    std::string sql = "SELECT " + before + " FROM t FOR UPDATE";
    EXPECT_EQ(classify(sql, {}).rule, "select_for_update") << sql;
  }
}

TEST(Pins, SomeHoldReadsAndSomeOnlyTheConnection) {
  EXPECT_TRUE(Pins(Pin::TemporaryTable).hold_reads());
  EXPECT_TRUE(Pins(Pin::UserLock).hold_reads());
  EXPECT_TRUE((Pins(Pin::Hidden) | Pin::Role).hold_reads());
  EXPECT_FALSE(
      (Pins(Pin::UserVariable) | Pin::Handler | Pin::SqlPrepare | Pin::Hidden).hold_reads());
  EXPECT_FALSE(Pins().hold_reads());
}

TEST(Pins, AreASet) {
  Pins pins = Pins(Pin::UserLock) | Pin::TableLock;
  EXPECT_TRUE(pins.has(Pin::TableLock));
  EXPECT_EQ(pins.without(Pin::TableLock), Pins(Pin::UserLock));
  EXPECT_FALSE(pins.without(pins).any());
  for (int i = 0; i < kPinCount; ++i) EXPECT_FALSE(to_string(static_cast<Pin>(i)).empty());
}

TEST(SystemSchema, IsKnownInAnyCase) {
  for (auto name : {"mysql", "SYS", "Information_Schema", "performance_schema"}) {
    EXPECT_TRUE(is_system_schema(std::string_view(name))) << name;
  }
  EXPECT_FALSE(is_system_schema(std::string_view("mysqlx")));
}

TEST(Consistency, ReadsWhatItPrints) {
  for (auto level :
       {Consistency::Eventual, Consistency::Session, Consistency::Global, Consistency::Strong}) {
    EXPECT_EQ(parse_consistency(to_string(level)), level);
  }
  EXPECT_EQ(parse_consistency("SESSION"), Consistency::Session);
  EXPECT_FALSE(parse_consistency("sessions"));
  EXPECT_FALSE(parse_consistency(""));
}

}  // namespace
}  // namespace dorsal::sql
