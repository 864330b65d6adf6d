#include "core/sql/set_statement.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace dorsal::sql {
namespace {

std::string_view name_of(Assignment::Scope scope) {
  switch (scope) {
    case Assignment::Scope::Session:
      return "session";
    case Assignment::Scope::Global:
      return "global";
    case Assignment::Scope::Persist:
      return "persist";
    case Assignment::Scope::PersistOnly:
      return "persist_only";
    case Assignment::Scope::NextTransaction:
      return "next";
    case Assignment::Scope::User:
      return "user";
    case Assignment::Scope::Other:
      return "other";
  }
  return "";
}

// Each assignment as scope:name=value[text of the range], or the error.
std::string show(std::string_view sql) {
  auto assignments = parse_set(sql, {});
  if (!assignments) return assignments.error().message;
  std::string shown;
  for (const Assignment& one : *assignments) {
    if (!shown.empty()) shown += " | ";
    shown.append(name_of(one.scope)).append(":").append(one.name).append("=").append(one.value);
    shown.append("[").append(sql.substr(one.begin, one.end - one.begin)).append("]");
    if (one.inherits_scope) shown += "^";
  }
  return shown;
}

constexpr std::string_view kNotPlain = "SET is not a plain list of assignments";

TEST(ParseSet, OneOfEachSpelling) {
  EXPECT_EQ(show("SET a = 1"), "session:a=1[a = 1]");
  EXPECT_EQ(show("set A:='x'"), "session:a='x'[A:='x']");
  EXPECT_EQ(show("SET SESSION a=1;"), "session:a=1[SESSION a=1]");
  EXPECT_EQ(show("SET LOCAL `A`=1"), "session:a=1[LOCAL `A`=1]");
  EXPECT_EQ(show("SET @@a=1"), "session:a=1[@@a=1]");
  EXPECT_EQ(show("SET @@session.a=1"), "session:a=1[@@session.a=1]");
  EXPECT_EQ(show("SET @@GLOBAL.a=1"), "global:a=1[@@GLOBAL.a=1]");
  EXPECT_EQ(show("SET PERSIST a=1"), "persist:a=1[PERSIST a=1]");
  EXPECT_EQ(show("SET @@persist_only.a=1"), "persist_only:a=1[@@persist_only.a=1]");
  EXPECT_EQ(show("SET @@SESSION . `A` := 1, @@ session.b = 2"), kNotPlain) << "no blank behind @@";
  EXPECT_EQ(show("SET @@SESSION . `A` := 1, @@GLOBAL/*c*/.\tb = 2"),
            "session:a=1[@@SESSION . `A` := 1] | global:b=2[@@GLOBAL/*c*/.\tb = 2]");
  EXPECT_EQ(show("SET @A := 1"), "user:a=1[@A := 1]");
  EXPECT_EQ(show("SET @`a b` = 1"), "user:a b=1[@`a b` = 1]");
  EXPECT_EQ(show("SET GLOBAL hot.key_buffer_size = 1"),
            "global:hot.key_buffer_size=1[GLOBAL hot.key_buffer_size = 1]");
}

TEST(ParseSet, ListsEndAtCommasOutsideParentheses) {
  EXPECT_EQ(show("SET a=1 , @b=(SELECT 1, 2),c=CONCAT(@@c,',x')"),
            "session:a=1[a=1] | user:b=(SELECT 1, 2)[@b=(SELECT 1, 2)] | "
            "session:c=CONCAT(@@c,',x')[c=CONCAT(@@c,',x')]");
}

// Tried on a server: the word stays in force, also across a user variable, but not for @@name.
TEST(ParseSet, AScopeWordLastsForTheList) {
  EXPECT_EQ(show("SET GLOBAL a=1, b=2, @c=3, @@d=4, SESSION e=5, f=6"),
            "global:a=1[GLOBAL a=1] | global:b=2[b=2]^ | user:c=3[@c=3] | session:d=4[@@d=4] | "
            "session:e=5[SESSION e=5] | session:f=6[f=6]^");
}

TEST(ParseSet, NamesAndCharacterSet) {
  EXPECT_EQ(show("SET NAMES utf8mb4 COLLATE 'x', a=1"),
            "session:names=utf8mb4 COLLATE 'x'[NAMES utf8mb4 COLLATE 'x'] | session:a=1[a=1]");
  EXPECT_EQ(show("SET CHARACTER SET latin1"), "session:character set=latin1[CHARACTER SET latin1]");
  EXPECT_EQ(show("SET CHARSET DEFAULT"), "session:character set=DEFAULT[CHARSET DEFAULT]");
}

TEST(ParseSet, TransactionsAndAccounts) {
  EXPECT_EQ(show("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"),
            "next:transaction=ISOLATION LEVEL SERIALIZABLE, READ ONLY"
            "[TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY]");
  EXPECT_EQ(show("SET SESSION TRANSACTION READ ONLY"),
            "session:transaction=READ ONLY[SESSION TRANSACTION READ ONLY]");
  EXPECT_EQ(show("SET @@transaction_isolation='x'"),
            "next:transaction_isolation='x'[@@transaction_isolation='x']");
  EXPECT_EQ(show("SET transaction_isolation='x'"),
            "session:transaction_isolation='x'[transaction_isolation='x']");
  EXPECT_EQ(show("SET PASSWORD FOR u = 'x'"), "other:password=FOR u = 'x'[PASSWORD FOR u = 'x']");
  EXPECT_EQ(show("SET ROLE a, b"), "other:role=a, b[ROLE a, b]");
  EXPECT_EQ(show("SET DEFAULT ROLE a TO u"), "other:default role=a TO u[DEFAULT ROLE a TO u]");
  EXPECT_EQ(show("SET RESOURCE GROUP g"), "other:resource group=g[RESOURCE GROUP g]");
}

TEST(ParseSet, VersionedCommentsAroundAllOfItAreFine) {
  EXPECT_EQ(show("/*!40101 SET @OLD=@@A, A='x' */;"),
            "user:old=@@A[@OLD=@@A] | session:a='x'[A='x']");
}

TEST(ParseSet, RefusesWhatItCannotCutUpWithCertainty) {
  for (auto sql : {"SET",
                   "SET a",
                   "SET a=",
                   "SET =1",
                   "SET a=1,",
                   "SET a=1 /*!40101 , b=2 */",
                   "SET a=1 /*!99999 x */",
                   "SET a='x",
                   "SET a=1; SELECT 1",
                   "SET @@session /*!80000 . */ a=1",
                   "SET @@session . =1",
                   "SET SESSION @@a=1",
                   "SET a=1-, b=2"}) {
    EXPECT_EQ(show(sql), kNotPlain) << sql;
  }
  EXPECT_EQ(show("SELECT 1"), "not a SET statement");
}

TEST(ParseSet, RefusesBytesThatTheCharsetMayMisread) {
  LexerMode mode;
  mode.unsafe_charset = true;
  EXPECT_TRUE(parse_set("SET a='x'", mode));
  EXPECT_FALSE(parse_set("SET a='\x81\\'", mode));
}

std::string drop_own(std::string_view sql) {
  auto assignments = parse_set(sql, {});
  return without(sql, *assignments, [](const Assignment& one) {
    return one.name.rfind("dorsal_", 0) == 0;
  });
}

TEST(Without, LeavesTheRestAsItWas) {
  EXPECT_EQ(drop_own("SET dorsal_x=1"), "");
  EXPECT_EQ(drop_own("SET dorsal_x=1, @@dorsal_y=2;"), "");
  EXPECT_EQ(drop_own("SET a='1,2', dorsal_x=1, @b := 3"), "SET a='1,2', @b := 3");
  EXPECT_EQ(drop_own("/*!40101 SET dorsal_x=1, a=1 */"), "SET a=1");
}

TEST(Without, KeepsAScopeWhoseWordWasLeftOut) {
  EXPECT_EQ(drop_own("SET GLOBAL dorsal_x=1, b=2"), "SET GLOBAL b=2");
  EXPECT_EQ(drop_own("SET SESSION a=1, dorsal_x=1, b=2"), "SET SESSION a=1, SESSION b=2");
}

TEST(ParseNames, FindsTheCollationThatTheTrackerLeavesOut) {
  auto names = parse_names("'UTF8MB4' COLLATE `utf8mb4_bin`", {});
  ASSERT_TRUE(names);
  EXPECT_EQ(names->charset, "utf8mb4");
  EXPECT_EQ(names->collation, "utf8mb4_bin");
  EXPECT_EQ(parse_names("DEFAULT", {})->charset, "default");
  EXPECT_EQ(parse_names("latin1", {})->collation, "");
  EXPECT_FALSE(parse_names("latin1 x", {}));
  EXPECT_FALSE(parse_names("", {}));
}

TEST(LiteralText, IsWhatTheServerWouldStore) {
  EXPECT_EQ(literal_text("'a''b'", {}), "a'b");
  EXPECT_EQ(literal_text("\"a\"\"b\"", {}), "a\"b");
  EXPECT_EQ(literal_text(R"('a\'b\n\\')", {}), "a'b\n\\");
  EXPECT_EQ(literal_text(R"('a\_b\%')", {}), R"(a\_b\%)");
  EXPECT_EQ(literal_text("  strong ", {}), "strong");
  EXPECT_EQ(literal_text("'a' 'b'", {}), "'a' 'b'");
  EXPECT_EQ(literal_text("", {}), "");
  LexerMode plain;
  plain.no_backslash_escapes = true;
  EXPECT_EQ(literal_text(R"('a\n')", plain), R"(a\n)");
}

TEST(SetStatement, LiteralsNeedNotBeComputed) {
  for (auto value : {"on", "1", "'x'", " \"x\" ", "DEFAULT"})
    EXPECT_TRUE(is_literal(value, {})) << value;
  for (auto value : {"@x", "@@x", "1 + 1", "f()", "(1)", "'a' 'b'", "-1", "", "'a"}) {
    EXPECT_FALSE(is_literal(value, {})) << value;
  }
}

}  // namespace
}  // namespace dorsal::sql
