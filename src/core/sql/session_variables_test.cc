#include "core/sql/session_variables.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

const InitialCharset kInitial = {"utf8mb4", "utf8mb4", "utf8mb4", "utf8mb4_0900_ai_ci"};

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
  EXPECT_EQ(set_clauses(wanted, {}, kInitial),
            "character_set_client='utf8mb4', character_set_connection='utf8mb4', "
            "collation_connection='utf8mb4_0900_ai_ci', character_set_results='utf8mb4'");
}

TEST(SessionVariables, ANewCharacterSetMakesAnOldCollationVoid) {
  auto variables = with({{"collation_connection", "utf8mb4_bin"}});
  EXPECT_TRUE(variables.note("character_set_connection", "latin1"));
  EXPECT_EQ(variables.find("collation_connection"), nullptr);
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
