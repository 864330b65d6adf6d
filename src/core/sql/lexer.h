// Cuts SQL text into tokens as a MySQL server does, without copying or allocating.
//
// It follows the server's own lexer where that is surprising: a word that touches a full stop is
// never a keyword, `1e5FOR` is a number and a keyword, `/*! … */` is code. Where servers of
// different versions or settings would read the text differently it says so through doubtful(),
// and whoever asked must then assume the worst.
//
// Tokens come in the order of the text, never overlap, and nothing but white space lies between
// them. Calls match: next* until TokenKind::End, which then repeats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/sql/keyword.h"

namespace dorsal::sql {

// What the session's settings change about reading its statements.
struct LexerMode {
  bool ansi_quotes = false;           // sql_mode: "x" is an identifier
  bool no_backslash_escapes = false;  // sql_mode: a backslash in a string is only itself
  bool ignore_space = false;          // sql_mode: `COUNT (*)` calls the built-in function

  // One byte per character, as latin1: a byte from 0x80 may be white space or a letter outside
  // quotes.
  bool single_byte_charset = false;
  // A character may end in a byte that looks like a backslash or a quote, as in gbk, sjis or
  // big5: text with a backslash or a byte from 0x80 cannot be read with certainty.
  bool unsafe_charset = false;
};

// The mode for these values of @@sql_mode and @@character_set_client, in any case of letters.
LexerMode lexer_mode(std::string_view sql_mode, std::string_view character_set_client);

enum class TokenKind : std::uint8_t {
  End,
  Word,              // keyword or unquoted identifier
  QuotedIdentifier,  // `x`, and "x" with ansi_quotes; text includes the quotes
  String,            // 'x', "x", and the prefixed N'x', x'41', b'1'; text includes the quotes
  Number,
  UserVariable,    // @x, @'x', @`x`; text includes the sign and the quotes
  SystemVariable,  // @@x, @@session.x, @@`x`, @@session . x; text includes all parts and signs
  Parameter,       // ?
  Punctuation,     // := or one character
  // From here on they mean nothing to the statement.
  Comment,   // to the end of the line, or /* … */
  Hint,      // /*+ … */
  CodeMark,  // the /*!80000 and the */ around the code of a versioned comment
};

struct Token {
  TokenKind kind = TokenKind::End;
  Keyword keyword = Keyword::None;  // of a Word; None when the server would read an identifier
  std::string_view text;

  bool is(Keyword wanted) const { return keyword == wanted; }
  bool is(char wanted) const {
    return kind == TokenKind::Punctuation && text.size() == 1 && text[0] == wanted;
  }
};

class Lexer {
 public:
  // The text must outlive the lexer and its tokens.
  explicit Lexer(std::string_view sql, LexerMode mode = {})
      : at_(sql.data()), end_(sql.data() + sql.size()), mode_(mode) {}

  Token next() {
    Token token;
    next(token);
    return token;
  }

  // The same into a place of the caller's: classify() saves a third of its time by not copying
  // tokens that were only just written.
  void next(Token& token);

  // True once something was met that another server might read differently: a versioned comment
  // newer than the oldest server we support, an unfinished quote or comment, a zero byte, a dollar
  // quote, `1.e`, or a byte that the client's character set makes ambiguous.
  bool doubtful() const { return doubtful_; }

 private:
  // What the end of one token says about the beginning of the next.
  enum class Next : std::uint8_t { Anything, Dot, Identifier };

  void finish(Token& token, TokenKind kind, const char* start);
  void identifier(Token& token, const char* start);
  void word(Token& token, const char* start);
  void number(Token& token, const char* start);
  void fraction(Token& token, const char* start);
  void dot(Token& token, const char* start);
  void quoted(Token& token, const char* start, TokenKind kind, bool backslash_escapes);
  void double_quoted(Token& token, const char* start);
  void user_variable(Token& token, const char* start);
  void system_variable(Token& token, const char* start);
  bool skip_distant_part();
  void line_comment(Token& token, const char* start);
  void block_comment(Token& token, const char* start);
  void versioned_comment(Token& token, const char* start);
  void symbol(Token& token, const char* start);
  bool starts_line_comment() const;
  bool starts_name(std::size_t ahead) const;
  void skip_quoted(char quote, bool backslash_escapes);
  void skip_identifier();
  void skip_digits();
  char peek(std::size_t ahead) const {
    return static_cast<std::size_t>(end_ - at_) > ahead ? at_[ahead] : '\0';
  }

  const char* at_;
  const char* end_;
  LexerMode mode_;
  Next next_ = Next::Anything;
  bool in_versioned_comment_ = false;
  bool doubtful_ = false;
};

// The text of an identifier, a string or a word without the quotes around it. Doubled quotes and
// escapes inside stay as they are.
std::string_view unquoted(std::string_view text);

// In any case of ASCII letters.
bool equal_words(std::string_view left, std::string_view right);

// True for an identifier, quoted or not, of this name.
bool names(const Token& token, std::string_view name);

// True for an unquoted word, keyword or not.
bool is_word(const Token& token, std::string_view word);
bool is_one_of(const Token& token, std::span<const std::string_view> words);

// Nothing stands between the two, of which `left` comes first in the same text.
inline bool touch(const Token& left, const Token& right) {
  return left.text.data() + left.text.size() == right.text.data();
}

}  // namespace dorsal::sql
