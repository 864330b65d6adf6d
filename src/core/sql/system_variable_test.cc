#include "core/sql/system_variable.h"

#include <gtest/gtest.h>

#include <string>

namespace dorsal::sql {
namespace {

// scope|name, with a mark for the session's.
std::string show(std::string_view text) {
  const SystemVariable variable = read_system_variable(text);
  return std::string(variable.scope) + "|" + std::string(variable.name) +
         (variable.is_session ? "" : "|not the session's");
}

TEST(ReadSystemVariable, ScopesAreToldFromPartsOfNames) {
  EXPECT_EQ(show("@@sql_mode"), "|sql_mode");
  EXPECT_EQ(show("@@`sql_mode`"), "|sql_mode");
  EXPECT_EQ(show("@@Session.sql_mode"), "Session|sql_mode");
  EXPECT_EQ(show("@@`local`.`sql_mode`"), "local|sql_mode");
  EXPECT_EQ(show("@@global.hot.key_buffer_size"), "global|hot.key_buffer_size|not the session's");
  EXPECT_EQ(show("@@hot.key_buffer_size"), "|hot.key_buffer_size");
  EXPECT_EQ(show("@@session"), "|session");
}

TEST(ReadSystemVariable, BlanksAndCommentsMayStandBetweenTheParts) {
  EXPECT_EQ(show("@@session . sql_mode"), "session|sql_mode");
  EXPECT_EQ(show("@@persist\t.`sql_mode`"), "persist|sql_mode|not the session's");
  EXPECT_EQ(show("@@local/* a.b */./**/sql_mode"), "local|sql_mode");
  EXPECT_EQ(show("@@session -- a.b\n. sql_mode"), "session|sql_mode");
}

}  // namespace
}  // namespace dorsal::sql
