#include "core/sql/lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace dorsal::sql {
namespace {

std::string_view name_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::End:
      return "end";
    case TokenKind::Word:
      return "word";
    case TokenKind::QuotedIdentifier:
      return "quoted";
    case TokenKind::String:
      return "string";
    case TokenKind::Number:
      return "number";
    case TokenKind::UserVariable:
      return "user";
    case TokenKind::SystemVariable:
      return "system";
    case TokenKind::Parameter:
      return "parameter";
    case TokenKind::Punctuation:
      return "sign";
    case TokenKind::Comment:
      return "comment";
    case TokenKind::Hint:
      return "hint";
    case TokenKind::CodeMark:
      return "mark";
  }
  return "";
}

// Each token as kind<text>, a recognised keyword as KEY<text>; "doubtful" at the end if so.
std::string cut(std::string_view sql, LexerMode mode = {}) {
  Lexer lexer(sql, mode);
  std::string shown;
  for (Token token = lexer.next(); token.kind != TokenKind::End; token = lexer.next()) {
    if (!shown.empty()) shown += ' ';
    shown += token.keyword == Keyword::None ? name_of(token.kind) : "KEY";
    shown.append("<").append(token.text).append(">");
  }
  if (lexer.doubtful()) shown += " doubtful";
  return shown;
}

TEST(Lexer, WordsNumbersAndSigns) {
  EXPECT_EQ(cut("SELECT a1,$b FROM x_y;"),
            "KEY<SELECT> word<a1> sign<,> word<$b> word<FROM> word<x_y> sign<;>");
  EXPECT_EQ(cut("a:=1 :b"), "word<a> sign<:=> number<1> sign<:> word<b>");
  EXPECT_EQ(cut(" \t\r\n\v\f"), "");
  EXPECT_EQ(cut("?"), "parameter<?>");
}

TEST(Lexer, NumbersEndWhereAServerEndsThem) {
  EXPECT_EQ(cut("1.5FOR"), "number<1.5> KEY<FOR>");
  EXPECT_EQ(cut("1.FOR"), "number<1.> KEY<FOR>");
  EXPECT_EQ(cut(".5FOR"), "number<.5> KEY<FOR>");
  EXPECT_EQ(cut("1e5FOR 1E+5FOR"), "number<1e5> KEY<FOR> number<1E+5> KEY<FOR>");
  EXPECT_EQ(cut("1e+x"), "word<1e> sign<+> word<x>");
  EXPECT_EQ(cut("1for 2024_sales"), "word<1for> word<2024_sales>");
  EXPECT_EQ(cut("0x1F 0x1Ffor 0X1F 0x 0b01 0b012"),
            "number<0x1F> word<0x1Ffor> word<0X1F> word<0x> number<0b01> word<0b012>");
  EXPECT_EQ(cut("1.e(1)"), "number<1.e> sign<(> number<1> sign<)> doubtful");
}

TEST(Lexer, NamesWithFullStopsHoldNoKeywords) {
  EXPECT_EQ(cut("t.select"), "word<t> sign<.> word<select>");
  EXPECT_EQ(cut("update.t"), "word<update> sign<.> word<t>");
  EXPECT_EQ(cut("t .update"), "word<t> sign<.> word<update>");
  EXPECT_EQ(cut("t. update"), "word<t> sign<.> KEY<update>");
  EXPECT_EQ(cut("t.1e5for"), "word<t> sign<.> word<1e5for>");
  EXPECT_EQ(cut("`t`.5for"), "quoted<`t`> number<.5> KEY<for>");
  EXPECT_EQ(cut("a.b.c.*"), "word<a> sign<.> word<b> sign<.> word<c> sign<.> sign<*>");
}

TEST(Lexer, QuotesDoubleAndEscape) {
  EXPECT_EQ(cut(R"('it''s' 'a\'b' 'a\\')"), R"(string<'it''s'> string<'a\'b'> string<'a\\'>)");
  EXPECT_EQ(cut(R"(`a``b` `a\`)"), R"(quoted<`a``b`> quoted<`a\`>)");
  EXPECT_EQ(cut(R"("a\"b")"), R"(string<"a\"b">)");
  EXPECT_EQ(cut("N'x' n'y' x'41' B'01' _utf8'z'"),
            "string<N'x'> string<n'y'> string<x'41'> string<B'01'> word<_utf8> string<'z'>");
  EXPECT_EQ(cut("''"), "string<''>");
  EXPECT_EQ(cut("''''"), "string<''''>");
}

TEST(Lexer, ModesChangeWhatQuotesMean) {
  LexerMode ansi;
  ansi.ansi_quotes = true;
  EXPECT_EQ(cut(R"("a\" "b""c")", ansi), R"(quoted<"a\"> quoted<"b""c">)");
  LexerMode plain;
  plain.no_backslash_escapes = true;
  EXPECT_EQ(cut(R"('\' a)", plain), R"(string<'\'> word<a>)");
}

TEST(Lexer, CommentsAreTokens) {
  EXPECT_EQ(cut("a -- b\nc"), "word<a> comment<-- b> word<c>");
  EXPECT_EQ(cut("a --"), "word<a> comment<-->");
  EXPECT_EQ(cut("a--b"), "word<a> sign<-> sign<-> word<b>");
  EXPECT_EQ(cut("# a\nb"), "comment<# a> word<b>");
  EXPECT_EQ(cut("/* a */b/**/"), "comment</* a */> word<b> comment</**/>");
  EXPECT_EQ(cut("/*/ a */b"), "comment</*/ a */> word<b>");
  EXPECT_EQ(cut("2*/**/3"), "number<2> sign<*> comment</**/> number<3>");
  EXPECT_EQ(cut("/*+ SET_VAR(a=1) */"), "hint</*+ SET_VAR(a=1) */>");
}

TEST(Lexer, VersionedCommentsAreCode) {
  EXPECT_EQ(cut("/*! a */ b"), "mark</*!> word<a> mark<*/> word<b>");
  EXPECT_EQ(cut("/*!80000FOR*/"), "mark</*!80000> KEY<FOR> mark<*/>");
  EXPECT_EQ(cut("/*!50000 a /* b */ c */ d"),
            "mark</*!50000> word<a> comment</* b */> word<c> mark<*/> word<d>");
  EXPECT_EQ(cut("/*!123 a */"), "mark</*!> number<123> word<a> mark<*/>");
}

TEST(Lexer, SaysWhenServersMayReadTheTextDifferently) {
  EXPECT_EQ(cut("/*!80001 a */"), "mark</*!80001> word<a> mark<*/> doubtful");
  EXPECT_EQ(cut("/*!080000 a */"), "mark</*!08000> number<0> word<a> mark<*/> doubtful");
  EXPECT_EQ(cut("/*! a"), "mark</*!> word<a> doubtful");
  EXPECT_EQ(cut("/* a"), "comment</* a> doubtful");
  EXPECT_EQ(cut("'a"), "string<'a> doubtful");
  EXPECT_EQ(cut("'a\\"), "string<'a\\> doubtful");
  EXPECT_EQ(cut("`a"), "quoted<`a> doubtful");
  EXPECT_EQ(cut("/*+ 'a*/"), "hint</*+ 'a*/> doubtful");
  EXPECT_EQ(cut("$a$b"), "word<$a$b> doubtful");
  EXPECT_EQ(cut("a$b$"), "word<a$b$>");
  std::string zero = std::string("a") + '\0';
  EXPECT_EQ(cut(zero), "word<a> sign<" + zero.substr(1) + "> doubtful");
}

TEST(Lexer, BytesOutsideAsciiDependOnTheCharset) {
  LexerMode latin;
  latin.single_byte_charset = true;
  EXPECT_EQ(cut("for\xa0update"), "word<for\xa0update>");
  EXPECT_EQ(cut("for\xa0update", latin), "word<for\xa0update> doubtful");
  EXPECT_EQ(cut("'\xe9' /* \xe9 */", latin), "string<'\xe9'> comment</* \xe9 */>");
}

TEST(Lexer, VariablesAreOneToken) {
  EXPECT_EQ(cut("@a @`b c` @'d' @a.b$c_d"), "user<@a> user<@`b c`> user<@'d'> user<@a.b$c_d>");
  EXPECT_EQ(cut("@ x"), "user<@> word<x>");
  EXPECT_EQ(cut("@@a @@session.b @@`c` @@global.`d`.e"),
            "system<@@a> system<@@session.b> system<@@`c`> system<@@global.`d`.e>");
  EXPECT_EQ(cut("@@session . b = 1"), "system<@@session . b> sign<=> number<1>");
  EXPECT_EQ(cut("@@session/* c */.\n-- d\n`b`, @@a"),
            "system<@@session/* c */.\n-- d\n`b`> sign<,> system<@@a>");
  EXPECT_EQ(cut("@@session . hot .b"), "system<@@session . hot .b>");
  EXPECT_EQ(cut("@@a .5"), "system<@@a> number<.5>");
  EXPECT_EQ(cut("@@a . 'b'"), "system<@@a> sign<.> string<'b'>");
  EXPECT_EQ(cut("@@a . "), "system<@@a> sign<.>");
  EXPECT_EQ(cut("/*!80000 @@a */"), "mark</*!80000> system<@@a> mark<*/>");
  EXPECT_EQ(cut("@@session /*!80000 .a */"), "system<@@session /*!80000 .a> mark<*/> doubtful");
}

TEST(LexerMode, FollowsTheSessionsVariables) {
  EXPECT_TRUE(lexer_mode("STRICT_ALL_TABLES,ANSI_QUOTES", "utf8mb4").ansi_quotes);
  EXPECT_FALSE(lexer_mode("NO_ANSI_QUOTES", "utf8mb4").ansi_quotes);
  EXPECT_TRUE(lexer_mode("no_backslash_escapes", "utf8mb4").no_backslash_escapes);
  EXPECT_TRUE(lexer_mode("ANSI", "utf8mb4").ignore_space);
  EXPECT_FALSE(lexer_mode("", "UTF8MB4").unsafe_charset);
  EXPECT_TRUE(lexer_mode("", "latin1").single_byte_charset);
  for (auto charset : {"gbk", "sjis", "cp932", "big5", "gb18030", "swe7", "", "unheard_of"}) {
    EXPECT_TRUE(lexer_mode("", charset).unsafe_charset) << charset;
  }
}

TEST(Keyword, IsFoundInAnyCaseAndNowhereElse) {
  EXPECT_EQ(find_keyword("SeLeCt"), Keyword::Select);
  EXPECT_EQ(find_keyword("xa"), Keyword::Xa);
  for (auto word : {"selec", "selects", "select\x01", "", "s"}) {
    EXPECT_EQ(find_keyword(word), Keyword::None) << word;
  }
}

}  // namespace
}  // namespace dorsal::sql
