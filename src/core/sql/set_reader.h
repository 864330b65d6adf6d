// Reads the assignments of a SET one by one, without allocating.
//
// Tokens is a Cursor, or whatever else steps over the same tokens and also looks at them. It stands
// behind the word SET; calls match: next* until it returns false, and then failed() tells an end
// from a statement that this grammar does not know:
//
//   list        = item { "," item }
//   item        = [scope] name ("=" | ":=") expression
//               | @x ("=" | ":=") expression
//               | NAMES rest-of-item | CHARACTER SET rest-of-item | CHARSET rest-of-item
//   alone       = [scope] TRANSACTION rest | PASSWORD rest | ROLE rest | DEFAULT ROLE rest
//               | RESOURCE GROUP rest
#pragma once

#include <string_view>

#include "core/sql/cursor.h"
#include "core/sql/set_statement.h"
#include "core/sql/system_variable.h"
#include "core/sql/tracked.h"

namespace dorsal::sql {

struct SetItem {
  Assignment::Scope scope = Assignment::Scope::Session;
  bool inherits_scope = false;
  std::string_view prefix;  // of a structured variable: `hot` in hot.key_buffer_size
  std::string_view name;    // as written, without quotes
  const char* begin = nullptr;
  const char* value_begin = nullptr;
  const char* end = nullptr;  // of the value, too

  std::string_view value() const {
    return {value_begin, static_cast<std::size_t>(end - value_begin)};
  }
};

template <class Tokens>
class SetReader {
 public:
  explicit SetReader(Tokens& tokens) : tokens_(tokens) {}

  bool next(SetItem& item) {
    if (tokens_.at_statement_end()) return !first_ && stop(false);
    if (!first_ && !tokens_.accept(',')) return stop(true);
    marks_ = first_ ? tokens_.code_marks() : marks_;
    item = SetItem{};
    item.begin = tokens_.token().text.data();
    bool read = read_item(item);
    first_ = false;
    return read || stop(true);
  }

  bool failed() const { return failed_; }

 private:
  using Scope = Assignment::Scope;

  bool stop(bool failed) {
    failed_ |= failed;
    return false;
  }

  bool read_item(SetItem& item) {
    if (tokens_.token().kind == TokenKind::UserVariable) return read_user_variable(item);
    if (tokens_.token().kind == TokenKind::SystemVariable) return read_signed(item);
    if (tokens_.accept("names")) return read_text(item, "names");
    if (tokens_.accept("charset")) return read_text(item, "character set");
    if (tokens_.accept("character") || tokens_.accept("char")) {
      return tokens_.accept("set") && read_text(item, "character set");
    }
    if (first_ && tokens_.accept("password")) return read_rest(item, Scope::Other, "password");
    if (first_ && tokens_.accept("role")) return read_rest(item, Scope::Other, "role");
    read_scope_word(item);
    if (first_ && tokens_.accept("transaction")) {
      return read_rest(item,
                       list_scope_given_ ? item.scope : Scope::NextTransaction,
                       "transaction");
    }
    return read_named(item);
  }

  // The most recent scope word of the list also serves the assignments behind it that have none.
  // https://dev.mysql.com/doc/refman/8.4/en/set-variable.html
  void read_scope_word(SetItem& item) {
    item.scope = list_scope_;
    item.inherits_scope = list_scope_given_;
    if (tokens_.accept("session") || tokens_.accept("local")) return keep(item, Scope::Session);
    if (tokens_.accept("global")) return keep(item, Scope::Global);
    if (tokens_.accept("persist")) return keep(item, Scope::Persist);
    if (tokens_.accept("persist_only")) return keep(item, Scope::PersistOnly);
  }

  void keep(SetItem& item, Scope scope) {
    list_scope_ = item.scope = scope;
    list_scope_given_ = true;
    item.inherits_scope = false;
  }

  bool read_user_variable(SetItem& item) {
    item.scope = Scope::User;
    item.name = unquoted(tokens_.token().text.substr(1));
    tokens_.advance();
    return read_value(item);
  }

  bool read_signed(SetItem& item) {
    SystemVariable variable = read_system_variable(tokens_.token().text);
    item.name = variable.name;
    if (equal_words(variable.scope, "global")) item.scope = Scope::Global;
    if (equal_words(variable.scope, "persist")) item.scope = Scope::Persist;
    if (equal_words(variable.scope, "persist_only")) item.scope = Scope::PersistOnly;
    if (variable.scope.empty() && is_transaction_characteristic(variable.name)) {
      item.scope = Scope::NextTransaction;
    }
    tokens_.advance();
    return read_value(item);
  }

  // SET @@transaction_isolation means the next transaction, SET transaction_isolation the session.
  static bool is_transaction_characteristic(std::string_view name) {
    for (std::string_view known :
         {"transaction_isolation", "tx_isolation", "transaction_read_only", "tx_read_only"}) {
      if (equal_words(name, known)) return true;
    }
    return false;
  }

  // DEFAULT and RESOURCE begin a name of two words or are the prefix of a structured variable.
  bool read_named(SetItem& item) {
    Token name = tokens_.token();
    if (name.kind != TokenKind::Word && name.kind != TokenKind::QuotedIdentifier) return false;
    tokens_.advance();
    if (is_word(name, "default") && tokens_.accept("role")) {
      return read_rest(item, Scope::Other, "default role");
    }
    if (is_word(name, "resource") && tokens_.accept("group")) {
      return read_rest(item, Scope::Other, "resource group");
    }
    item.name = unquoted(name.text);
    if (tokens_.accept('.')) {
      item.prefix = item.name;
      item.name = unquoted(tokens_.token().text);
      tokens_.advance();
    }
    return read_value(item);
  }

  bool read_value(SetItem& item) {
    if (!tokens_.accept('=')) {
      if (tokens_.token().text != ":=") return false;
      tokens_.advance();
    }
    return read_expression(item);
  }

  bool read_text(SetItem& item, std::string_view name) {
    item.name = name;
    return read_expression(item);
  }

  bool read_rest(SetItem& item, Scope scope, std::string_view name) {
    item.scope = scope;
    item.name = name;
    to_comma_ = false;
    return read_expression(item);
  }

  // Up to the next comma outside parentheses, or for those that stand alone to the end.
  bool read_expression(SetItem& item) {
    item.value_begin = tokens_.token().text.data();
    item.end = item.value_begin;
    int depth = 0;
    while (!tokens_.at_statement_end()) {
      const Token& token = tokens_.token();
      if (to_comma_ && depth == 0 && token.is(',')) break;
      depth += token.is('(') ? 1 : token.is(')') ? -1 : 0;
      item.end = token.text.data() + token.text.size();
      // A mark between two assignments would not survive taking one of them out.
      failed_ |= tokens_.code_marks() != marks_;
      tokens_.advance();
    }
    // No expression ends in a minus, and two of them would begin a comment where the text is cut.
    return item.end != item.value_begin && item.end[-1] != '-';
  }

  Tokens& tokens_;
  Scope list_scope_ = Scope::Session;
  bool list_scope_given_ = false;
  bool first_ = true;
  bool to_comma_ = true;
  bool failed_ = false;
  int marks_ = 0;
};

}  // namespace dorsal::sql
