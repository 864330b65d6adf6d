#include "service/proxy/session_state.h"

#include <gtest/gtest.h>

namespace dorsal::proxy {
namespace {

TEST(SessionState, AResetReturnsToTheConsistencyOfThePort) {
  SessionState state;
  state.usual_consistency = sql::Consistency::Session;
  state.consistency = sql::Consistency::Eventual;
  state.reset();
  EXPECT_EQ(state.consistency, sql::Consistency::Session);
}

TEST(SessionState, AutocommitIsCarriedLikeAnyVariable) {
  SessionState state;
  state.note_variable("autocommit", "OFF");
  EXPECT_FALSE(state.autocommit);
  EXPECT_EQ(*state.variables().find("autocommit"), "OFF");
  state.note_variable("autocommit", "ON");
  EXPECT_TRUE(state.autocommit);
}

TEST(SessionState, IsTiedAsLongAsSomethingLiesOnItsConnection) {
  SessionState state;
  EXPECT_FALSE(state.is_tied());
  state.pins = sql::Pin::UserVariable;
  EXPECT_FALSE(state.is_tied());
  state.pins |= sql::Pin::UserLock;
  EXPECT_TRUE(state.is_tied());
  EXPECT_EQ(state.tie(), "user_lock");
  state.status |= mysql::status::kInTransaction;
  EXPECT_EQ(state.tie(), "transaction");
  state.reset();
  EXPECT_FALSE(state.is_tied());
}

TEST(SessionState, IsTiedByLocksOfAnImplicitTransactionWithoutAFlag) {
  SessionState state;
  state.note_failure();
  state.note_transaction_state("Ir____S_");
  EXPECT_FALSE(state.is_tied()) << "with autocommit they end with their statement";
  state.note_variable("autocommit", "OFF");
  EXPECT_FALSE(state.is_tied());
  state.note_failure();
  EXPECT_EQ(state.tie(), "implicit_transaction");
  EXPECT_TRUE(state.is_tied());
  state.forget_locks();
  EXPECT_FALSE(state.is_tied());
  state.note_transaction_state("Ir____S_");
  EXPECT_TRUE(state.is_tied());
  state.note_transaction_state("________");
  EXPECT_FALSE(state.is_tied());
  state.note_failure();
  state.note_variable("autocommit", "ON");
  state.note_variable("autocommit", "OFF");
  EXPECT_FALSE(state.is_tied()) << "to switch it on commits";
}

TEST(SessionState, IsTiedByWhatItPreparedWithoutASchemaOnceItHasOne) {
  SessionState state;
  state.prepared_without_schema = 1;
  EXPECT_FALSE(state.is_tied());
  state.note_schema("shop");
  EXPECT_TRUE(state.is_tied());
  EXPECT_EQ(state.tie(), "prepared_without_schema");
  state.reset();
  EXPECT_FALSE(state.is_tied());
}

TEST(SessionState, TheTokeniserFollowsTheSqlMode) {
  SessionState state;
  state.start("", "utf8mb4", "shop");
  EXPECT_FALSE(state.lexer_mode().ansi_quotes);
  state.note_variable("sql_mode", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES");
  EXPECT_TRUE(state.lexer_mode().ansi_quotes);
  EXPECT_TRUE(state.lexer_mode().no_backslash_escapes);
  state.note_variable("character_set_client", "gbk");
  EXPECT_TRUE(state.lexer_mode().unsafe_charset);
}

TEST(SessionState, AResetForgetsEverythingButTheSchema) {
  SessionState state;
  state.start("ANSI_QUOTES", "utf8mb4", "shop");
  state.note_variable("sql_mode", "");
  state.pins = sql::Pin::TemporaryTable;
  state.prepared.emplace(1, Prepared());
  state.reset();
  EXPECT_TRUE(state.variables().empty());
  EXPECT_FALSE(state.pins.any());
  EXPECT_TRUE(state.prepared.empty());
  EXPECT_TRUE(state.lexer_mode().ansi_quotes);
  EXPECT_EQ(state.schema(), "shop");
}

}  // namespace
}  // namespace dorsal::proxy
