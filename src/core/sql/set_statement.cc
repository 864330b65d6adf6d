#include "core/sql/set_statement.h"

#include <algorithm>

#include "core/sql/ascii.h"
#include "core/sql/charset.h"
#include "core/sql/set_reader.h"

namespace dorsal::sql {
namespace {

Assignment to_assignment(const SetItem& item, std::string_view sql) {
  Assignment assignment;
  assignment.scope = item.scope;
  assignment.name = to_lower(item.name);
  if (!item.prefix.empty()) assignment.name = to_lower(item.prefix) + "." + assignment.name;
  assignment.value = item.value();
  assignment.begin = static_cast<std::size_t>(item.begin - sql.data());
  assignment.end = static_cast<std::size_t>(item.end - sql.data());
  assignment.inherits_scope = item.inherits_scope;
  return assignment;
}

std::string_view scope_word(Assignment::Scope scope) {
  switch (scope) {
    case Assignment::Scope::Session:
      return "SESSION ";
    case Assignment::Scope::Global:
      return "GLOBAL ";
    case Assignment::Scope::Persist:
      return "PERSIST ";
    case Assignment::Scope::PersistOnly:
      return "PERSIST_ONLY ";
    case Assignment::Scope::NextTransaction:
    case Assignment::Scope::User:
    case Assignment::Scope::Other:
      return "";
  }
  return "";
}

// https://dev.mysql.com/doc/refman/8.4/en/string-literals.html
char escaped(char c) {
  switch (c) {
    case '0':
      return '\0';
    case 'b':
      return '\b';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'Z':
      return '\x1a';
    default:
      return c;
  }
}

}  // namespace

Result<std::vector<Assignment>> parse_set(std::string_view sql, LexerMode mode) {
  if (is_unreadable(sql, mode)) return invalid("SET has bytes that its character set may misread");
  Cursor cursor(sql, mode);
  if (!cursor.accept("set")) return invalid("not a SET statement");
  std::vector<Assignment> assignments;
  SetReader<Cursor> reader(cursor);
  for (SetItem item; reader.next(item);) assignments.push_back(to_assignment(item, sql));
  bool ended = cursor.at_end() || (cursor.accept(';') && cursor.at_end());
  if (reader.failed() || !ended || cursor.doubtful() || assignments.empty()) {
    return invalid("SET is not a plain list of assignments");
  }
  return assignments;
}

std::string without(std::string_view sql,
                    const std::vector<Assignment>& assignments,
                    const std::function<bool(const Assignment&)>& drop) {
  std::string kept;
  for (const Assignment& assignment : assignments) {
    if (drop(assignment)) continue;
    kept += kept.empty() ? "SET " : ", ";
    // The assignment that said the scope may be one of those left out.
    if (assignment.inherits_scope) kept += scope_word(assignment.scope);
    kept += sql.substr(assignment.begin, assignment.end - assignment.begin);
  }
  return kept;
}

std::optional<Names> parse_names(std::string_view value, LexerMode mode) {
  Cursor cursor(value, mode);
  auto take = [&] {
    std::string name = to_lower(unquoted(cursor.token().text));
    cursor.advance();
    return name;
  };
  Names names;
  names.charset = take();
  if (cursor.accept("collate")) names.collation = take();
  if (!cursor.at_end() || cursor.doubtful() || names.charset.empty()) return {};
  return names;
}

bool is_literal(std::string_view value, LexerMode mode) {
  Lexer lexer(value, mode);
  const Token token = lexer.next();
  const bool is_one = token.kind == TokenKind::Word || token.kind == TokenKind::Number ||
                      token.kind == TokenKind::String;
  return is_one && lexer.next().kind == TokenKind::End && !lexer.doubtful();
}

std::string literal_text(std::string_view value, LexerMode mode) {
  Lexer lexer(value, mode);
  Token token = lexer.next();
  std::string_view inner = unquoted(token.text);
  if (token.kind != TokenKind::String || inner.size() == token.text.size() ||
      lexer.next().kind != TokenKind::End) {
    std::size_t first = std::min(value.find_first_not_of(" \t\r\n"), value.size());
    return std::string(value.substr(first, value.find_last_not_of(" \t\r\n") + 1 - first));
  }
  std::string text;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    bool escapes = inner[i] == '\\' && !mode.no_backslash_escapes;
    bool skips = escapes || inner[i] == token.text.front();
    if (skips && i + 1 < inner.size()) ++i;
    if (escapes && (inner[i] == '%' || inner[i] == '_')) text += '\\';
    text += escapes ? escaped(inner[i]) : inner[i];
  }
  return text;
}

}  // namespace dorsal::sql
