// Feeds any bytes to the SQL tokeniser and to everything built on it.
//
// The first byte picks the lexer's mode. Nothing may crash; tokens are in order, within the text,
// and nothing but white space lies between them; answers do not depend on anything but the text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "core/sql/dorsal_query.h"
#include "core/sql/identity_query.h"
#include "core/sql/kill.h"
#include "core/sql/lexer.h"
#include "core/sql/set_statement.h"
#include "core/sql/statement.h"

namespace dorsal::sql {
namespace {

LexerMode mode_of(std::uint8_t bits) {
  LexerMode mode;
  mode.ansi_quotes = (bits & 1) != 0;
  mode.no_backslash_escapes = (bits & 2) != 0;
  mode.ignore_space = (bits & 4) != 0;
  mode.single_byte_charset = (bits & 8) != 0;
  mode.unsafe_charset = (bits & 16) != 0;
  return mode;
}

void check_tokens(std::string_view sql, LexerMode mode) {
  Lexer lexer(sql, mode);
  const char* behind = sql.data();
  const char* end = sql.data() + sql.size();
  for (Token token = lexer.next(); token.kind != TokenKind::End; token = lexer.next()) {
    DORSAL_CHECK(!token.text.empty());
    DORSAL_CHECK(token.text.data() >= behind && token.text.data() + token.text.size() <= end);
    for (; behind < token.text.data(); ++behind) {
      DORSAL_CHECK(std::string_view(" \t\n\v\f\r").find(*behind) != std::string_view::npos);
    }
    behind = token.text.data() + token.text.size();
  }
  DORSAL_CHECK(lexer.next().kind == TokenKind::End);
}

void check_classification(std::string_view sql, LexerMode mode) {
  Statement statement = classify(sql, mode);
  std::string copy(sql);
  Statement again = classify(copy, mode);
  DORSAL_CHECK(statement.place == again.place && statement.kind == again.kind);
  DORSAL_CHECK(statement.rule == again.rule && !statement.rule.empty());
  DORSAL_CHECK(statement.pins == again.pins && statement.unpins == again.unpins);
  // What may run anywhere writes nothing and leaves nothing behind.
  if (statement.place == Place::AnyReplica) {
    DORSAL_CHECK(!statement.may_write && !statement.pins.any());
  }
}

void check_set(std::string_view sql, LexerMode mode) {
  auto assignments = parse_set(sql, mode);
  if (!assignments) return;
  std::size_t behind = 0;
  for (const Assignment& one : *assignments) {
    DORSAL_CHECK(one.begin >= behind && one.begin < one.end && one.end <= sql.size());
    behind = one.end;
    (void)literal_text(one.value, mode);
    (void)parse_names(one.value, mode);
  }
  auto all = [](const Assignment&) { return true; };
  auto none = [](const Assignment&) { return false; };
  DORSAL_CHECK(without(sql, *assignments, all).empty());
  // What is put together again means the same.
  std::string kept = without(sql, *assignments, none);
  auto again = parse_set(kept, mode);
  DORSAL_CHECK(again && again->size() == assignments->size());
  for (std::size_t i = 0; i < again->size(); ++i) {
    DORSAL_CHECK((*again)[i].name == (*assignments)[i].name);
    DORSAL_CHECK((*again)[i].scope == (*assignments)[i].scope);
    DORSAL_CHECK((*again)[i].value == (*assignments)[i].value);
  }
}

}  // namespace
}  // namespace dorsal::sql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace sql = dorsal::sql;
  if (size == 0) return 0;
  sql::LexerMode mode = sql::mode_of(data[0]);
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  sql::check_tokens(text, mode);
  sql::check_classification(text, mode);
  sql::check_set(text, mode);
  (void)sql::parse_kill(text, mode);
  (void)sql::parse_identity_query(text, mode);
  (void)sql::parse_dorsal_query(text, mode);
  (void)sql::matches_like(text.substr(0, text.size() / 2), text.substr(text.size() / 2));
  return 0;
}
