// Walks over the tokens that mean something: no comments, no marks around versioned code.
//
// On the way it reads hints out of the comments before the first token and right behind it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "core/sql/hint.h"
#include "core/sql/lexer.h"

namespace dorsal::sql {

class Cursor {
 public:
  // Stands on the first token. The text must outlive the cursor and its tokens.
  Cursor(std::string_view sql, LexerMode mode) : sql_(sql), lexer_(sql, mode) { advance(); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // Stays as it is, and where it is, until the third advance() from here.
  const Token& token() const { return *token_; }

  void advance() {
    token_ = &recent_[++seen_ % recent_.size()];
    for (lexer_.next(*token_); is_silent(token_->kind); lexer_.next(*token_)) see_silent();
  }

  // Steps over the token if it is this unquoted word.
  bool accept(std::string_view word) {
    if (!is_word(*token_, word)) return false;
    advance();
    return true;
  }
  bool accept(char sign) {
    if (!token_->is(sign)) return false;
    advance();
    return true;
  }

  bool at_end() const { return token_->kind == TokenKind::End; }
  bool at_statement_end() const { return at_end() || token_->is(';'); }

  // Where the token begins in the text.
  std::size_t offset() const { return static_cast<std::size_t>(token_->text.data() - sql_.data()); }

  bool doubtful() const { return lexer_.doubtful(); }
  int code_marks() const { return code_marks_; }  // how many lie behind the cursor
  const Hint& hint() const { return hint_; }

 private:
  static bool is_silent(TokenKind kind) { return kind >= TokenKind::Comment; }

  void see_silent() {
    code_marks_ += token_->kind == TokenKind::CodeMark ? 1 : 0;
    // seen_ counts the token that is being looked for.
    if (token_->kind == TokenKind::Comment && seen_ <= 2) read_hint(token_->text, hint_);
  }

  std::string_view sql_;
  Lexer lexer_;
  std::array<Token, 4> recent_;
  Token* token_ = nullptr;
  Hint hint_;
  std::size_t seen_ = 0;
  int code_marks_ = 0;
};

}  // namespace dorsal::sql
