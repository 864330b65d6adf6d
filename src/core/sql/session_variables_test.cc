#include "core/sql/session_variables.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

InitialVariables initial() {
  InitialVariables variables;
  variables.client = variables.connection = variables.results = "utf8mb4";
  variables.collation = "utf8mb4_general_ci";
  return variables;
}

const InitialVariables kInitial = initial();

SessionVariables with(std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  SessionVariables variables;
  for (const auto& [name, value] : values) variables.note(name, value);
  return variables;
}

TEST(SessionVariables, NothingIsSetWhereNothingDiffers) {
  EXPECT_EQ(set_clauses({}, {}, kInitial), "");
  const auto variables = with({{"time_zone", "+02:00"}});
  EXPECT_EQ(set_clauses(variables, variables, kInitial), "");
  EXPECT_EQ(set_clauses(with({{"time_zone", "+02:00"}}), variables, kInitial), "");
}

TEST(SessionVariables, OnlyWhatDiffersIsSetAndTheRestIsTakenBack) {
  const auto present = with({{"time_zone", "+02:00"}, {"sql_select_limit", "5"}});
  const auto wanted = with({{"time_zone", "+03:00"}, {"sql_mode", ""}});
  EXPECT_EQ(set_clauses(present, wanted, kInitial),
            "sql_mode='', time_zone='+03:00', sql_select_limit=DEFAULT");
}

TEST(SessionVariables, CharacterSetsAreSetTogetherAndInOrder) {
  const auto wanted = with({{"character_set_client", "latin1"},
                            {"character_set_connection", "latin1"},
                            {"character_set_results", ""}});
  EXPECT_EQ(set_clauses({}, wanted, kInitial),
            "character_set_client='latin1', character_set_connection='latin1', "
            "character_set_results=NULL");
  EXPECT_EQ(set_clauses(wanted, {}, kInitial), "NAMES utf8mb4 COLLATE utf8mb4_general_ci");
}

TEST(SessionVariables, ANewCharacterSetMakesAnOldCollationVoid) {
  auto variables = with({{"collation_connection", "utf8mb4_bin"}});
  EXPECT_TRUE(variables.note("character_set_connection", "latin1"));
  EXPECT_EQ(variables.find("collation_connection"), nullptr);
}

// Only SET NAMES brings back the collation that a log-in gives to results.
TEST(SessionVariables, ResultsKeepTheCollationOfTheLogIn) {
  EXPECT_EQ(set_clauses({}, with({{"character_set_client", "latin1"}}), kInitial),
            "NAMES utf8mb4 COLLATE utf8mb4_general_ci, character_set_client='latin1'");
  const auto other_connection =
      with({{"character_set_connection", "utf8mb4"}, {"collation_connection", "utf8mb4_bin"}});
  EXPECT_EQ(set_clauses({}, other_connection, kInitial),
            "NAMES utf8mb4 COLLATE utf8mb4_general_ci, character_set_connection='utf8mb4', "
            "collation_connection='utf8mb4_bin'");
}

TEST(SessionVariables, ResultsKeepTheCollationOfSetNames) {
  auto names = with({{"character_set_client", "latin1"},
                     {"character_set_connection", "latin1"},
                     {"character_set_results", "latin1"}});
  EXPECT_EQ(set_clauses({}, names, kInitial),
            "character_set_client='latin1', character_set_connection='latin1', "
            "character_set_results='latin1'");
  names.note("collation_connection", "latin1_bin");
  names.note(kResultsCollation, "latin1_bin");
  EXPECT_EQ(set_clauses({}, names, kInitial), "NAMES latin1 COLLATE latin1_bin");
  EXPECT_TRUE(names.note("character_set_results", "latin1"));
  EXPECT_EQ(names.find(kResultsCollation), nullptr);
}

TEST(SessionVariables, WhatTheLogInAskedForComesBack) {
  InitialVariables changed = initial();
  const auto present = with({{"sql_mode", ""}, {"wait_timeout", "5"}});
  EXPECT_EQ(set_clauses(present, {}, changed), "sql_mode=DEFAULT, wait_timeout=DEFAULT");
  changed.ignores_space = changed.is_interactive = true;
  EXPECT_EQ(set_clauses(present, {}, changed),
            "sql_mode=CONCAT(@@GLOBAL.sql_mode,',IGNORE_SPACE'), "
            "wait_timeout=@@GLOBAL.interactive_timeout");
  EXPECT_EQ(initial_clauses(changed),
            "NAMES utf8mb4 COLLATE utf8mb4_general_ci, "
            "sql_mode=CONCAT(@@GLOBAL.sql_mode,',IGNORE_SPACE'), "
            "wait_timeout=@@GLOBAL.interactive_timeout");
}

TEST(SessionVariables, ChecksReturnToTheGlobalValueByName) {
  EXPECT_EQ(set_clauses(with({{"unique_checks", "OFF"}}), {}, kInitial),
            "unique_checks=@@GLOBAL.unique_checks");
  EXPECT_EQ(set_clauses(with({{"foreign_key_checks", "OFF"}}), {}, kInitial),
            "foreign_key_checks=@@GLOBAL.foreign_key_checks");
}

TEST(SessionVariables, ACopyKeepsItsValues) {
  auto variables = with({{"time_zone", "+02:00"}});
  const SessionVariables copy = variables;
  EXPECT_TRUE(variables.note("time_zone", "+03:00"));
  EXPECT_EQ(*copy.find("time_zone"), "+02:00");
  EXPECT_FALSE(copy == variables);
}

TEST(SessionVariables, WhatIsNotCarriedIsNotKept) {
  SessionVariables variables;
  EXPECT_FALSE(variables.note("gtid_next", "AUTOMATIC"));
  EXPECT_TRUE(variables.empty());
}

}  // namespace
}  // namespace dorsal::sql
