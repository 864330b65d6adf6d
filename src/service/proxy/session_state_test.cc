#include "service/proxy/session_state.h"

#include <gtest/gtest.h>

namespace dorsal::proxy {
namespace {

TEST(SessionState, OnlyWhatChangedGetsANewVersion) {
  SessionState state;
  state.note_variable("sql_mode", "ANSI_QUOTES");
  auto version = state.variables_version();
  state.note_variable("sql_mode", "ANSI_QUOTES");
  EXPECT_EQ(state.variables_version(), version);
  state.note_variable("sql_mode", "");
  EXPECT_GT(state.variables_version(), version);
}

TEST(SessionState, CarriesVariablesAsAServerTakesThem) {
  SessionState state;
  state.note_variable("sql_select_limit", "10");
  state.note_variable("time_zone", "+02:00");
  auto clauses = state.set_clauses();
  EXPECT_NE(clauses.find("sql_select_limit"), std::string::npos);
  EXPECT_NE(clauses.find("time_zone"), std::string::npos);
  EXPECT_NE(clauses.find("+02:00"), std::string::npos);
}

TEST(SessionState, ANewCharacterSetEndsTheCollationOfTheOld) {
  SessionState state;
  state.note_variable("collation_connection", "utf8mb4_bin");
  state.note_variable("character_set_connection", "latin1");
  EXPECT_EQ(state.set_clauses().find("collation_connection"), std::string::npos);
}

TEST(SessionState, AResetReturnsToTheConsistencyOfThePort) {
  SessionState state;
  state.usual_consistency = sql::Consistency::Session;
  state.consistency = sql::Consistency::Eventual;
  state.reset();
  EXPECT_EQ(state.consistency, sql::Consistency::Session);
}

TEST(SessionState, AutocommitIsAMatterOfTheHomeConnection) {
  SessionState state;
  state.note_variable("autocommit", "OFF");
  EXPECT_FALSE(state.autocommit);
  EXPECT_FALSE(state.has_variables());
  state.note_variable("autocommit", "ON");
  EXPECT_TRUE(state.autocommit);
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
  EXPECT_FALSE(state.has_variables());
  EXPECT_FALSE(state.pins.any());
  EXPECT_TRUE(state.prepared.empty());
  EXPECT_TRUE(state.lexer_mode().ansi_quotes);
  EXPECT_EQ(state.schema(), "shop");
}

}  // namespace
}  // namespace dorsal::proxy
