#include "core/sql/user_variables.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

TEST(UserVariables, TheNamesOfAStatementAreFoundOnceEach) {
  EXPECT_EQ(user_variables_in("SET @a = 1, @`B c` := @a + @'d'", {}),
            (std::vector<std::string>{"a", "b c", "d"}));
  EXPECT_TRUE(user_variables_in("SELECT '@a', @@session.sql_mode /* @b */", {}).empty());
}

TEST(UserVariables, AValueComesBackWithItsTypeAndCollation) {
  EXPECT_EQ(literal(ValueKind::Integer, "-5", "", "binary"), "-5");
  EXPECT_EQ(literal(ValueKind::UnsignedInteger, "18446744073709551615", "", "binary"),
            "CAST(18446744073709551615 AS UNSIGNED)");
  EXPECT_EQ(literal(ValueKind::Decimal, "1.50", "", "binary"), "1.50");
  EXPECT_EQ(literal(ValueKind::Double, "1.5", "", "binary"), "1.5e0");
  EXPECT_EQ(literal(ValueKind::Double, "1e300", "", "binary"), "1e300");
  EXPECT_EQ(literal(ValueKind::Text, "x", "78", "utf8mb4_bin"),
            "_utf8mb4 x'78' COLLATE utf8mb4_bin");
  EXPECT_EQ(literal(ValueKind::Text, "", "", "binary"), "_binary x''");
  EXPECT_EQ(literal(ValueKind::Integer, std::nullopt, "", "binary"), "CAST(NULL AS SIGNED)");
}

TEST(UserVariables, ANameWithABacktickIsNotWritten) {
  EXPECT_EQ(user_variable("a"), "@`a`");
  EXPECT_EQ(user_variable("a`b"), "");
}

}  // namespace
}  // namespace dorsal::sql
