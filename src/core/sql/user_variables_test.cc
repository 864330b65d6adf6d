#include "core/sql/user_variables.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

TEST(UserVariables, TheNamesOfAStatementAreFoundOnceEach) {
  EXPECT_EQ(user_variables_in("SET @a = 1, @`B c` := @a + @'d'", {}),
            (std::vector<std::string>{"a", "b c", "d"}));
  EXPECT_TRUE(user_variables_in("SELECT '@a', @@session.sql_mode /* @b */", {}).empty());
}

std::string value_of_a(ValueKind kind,
                       const std::optional<std::string>& value,
                       std::string_view hex = "",
                       std::string_view collation = "binary") {
  return assignment("a", kind, value, hex, collation).value_or("refused");
}

TEST(UserVariables, AValueComesBackWithItsTypeAndCollation) {
  EXPECT_EQ(value_of_a(ValueKind::Integer, "-5"), "@`a`=-5");
  EXPECT_EQ(value_of_a(ValueKind::UnsignedInteger, "18446744073709551615"),
            "@`a`=CAST(18446744073709551615 AS UNSIGNED)");
  EXPECT_EQ(value_of_a(ValueKind::Decimal, "1.50"), "@`a`=1.50");
  EXPECT_EQ(value_of_a(ValueKind::Double, "1.5"), "@`a`=1.5e0");
  EXPECT_EQ(value_of_a(ValueKind::Double, "1e300"), "@`a`=1e300");
  EXPECT_EQ(value_of_a(ValueKind::Text, "x", "78", "utf8mb4_bin"),
            "@`a`=_utf8mb4 x'78' COLLATE utf8mb4_bin");
  EXPECT_EQ(value_of_a(ValueKind::Text, ""), "@`a`=_binary x''");
}

TEST(UserVariables, ANullHasATypeAndACollationToo) {
  EXPECT_EQ(value_of_a(ValueKind::Integer, std::nullopt), "@`a`=CAST(NULL AS SIGNED)");
  EXPECT_EQ(value_of_a(ValueKind::Text, std::nullopt, "", "latin1_bin"),
            "@`a`=_latin1 x'' COLLATE latin1_bin, @`a`=NULL");
  EXPECT_EQ(value_of_a(ValueKind::Text, std::nullopt), "@`a`=_binary x'', @`a`=NULL");
}

// A server that lies must not be able to say anything to another one.
TEST(UserVariables, WhatNoServerAnswersIsRefused) {
  for (const char* value :
       {"", "1, GLOBAL x = 1", "1--1", "1/**/", "abc", "e", "1;", "1e", "-", "1.", "1e-"}) {
    EXPECT_EQ(value_of_a(ValueKind::Integer, value), "refused") << value;
    EXPECT_EQ(value_of_a(ValueKind::Double, value), "refused") << value;
  }
  EXPECT_EQ(value_of_a(ValueKind::Text, "x", "78' , @@x = '"), "refused");
  EXPECT_EQ(value_of_a(ValueKind::Text, "x", "7"), "refused");
  EXPECT_EQ(value_of_a(ValueKind::Text, "x", "78", "latin1_bin, @b = 1"), "refused");
  EXPECT_EQ(value_of_a(ValueKind::Text, std::nullopt, "", ""), "refused");
}

TEST(UserVariables, ANameWithABacktickIsNotWritten) {
  EXPECT_EQ(user_variable("a"), "@`a`");
  EXPECT_EQ(user_variable("a`b"), "");
}

}  // namespace
}  // namespace dorsal::sql
