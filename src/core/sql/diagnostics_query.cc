#include "core/sql/diagnostics_query.h"

#include <charconv>
#include <utility>

#include "core/sql/ascii.h"
#include "core/sql/system_variable.h"
#include "core/sql/whole_statement.h"

namespace dorsal::sql {
namespace {

using What = DiagnosticsQuery::What;

bool read_number(Cursor& cursor, std::uint64_t& number) {
  auto text = cursor.token().text;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty()) return false;
  cursor.advance();
  return true;
}

bool read_limit(Cursor& cursor, DiagnosticsQuery& query) {
  if (!cursor.accept("limit")) return true;
  if (!read_number(cursor, query.limit)) return false;
  if (cursor.accept(',')) {
    query.offset = query.limit;
    return read_number(cursor, query.limit);
  }
  return !cursor.accept("offset") || read_number(cursor, query.offset);
}

bool read_show(Cursor& cursor, DiagnosticsQuery& query) {
  bool counts = false;
  if (cursor.accept("count")) {
    counts = cursor.accept('(') && cursor.accept('*') && cursor.accept(')');
    if (!counts) return false;
  }
  const bool asks_warnings = cursor.accept("warnings");
  if (!asks_warnings && !cursor.accept("errors")) return false;
  if (counts) {
    query.what = asks_warnings ? What::WarningCount : What::ErrorCount;
    query.column = asks_warnings ? "@@session.warning_count" : "@@session.error_count";
    return true;
  }
  query.what = asks_warnings ? What::Warnings : What::Errors;
  return read_limit(cursor, query);
}

bool read_variable(Cursor& cursor, DiagnosticsQuery& query) {
  if (cursor.token().kind != TokenKind::SystemVariable) return false;
  const SystemVariable variable = read_system_variable(cursor.token().text);
  if (!variable.is_session) return false;
  const bool asks_warnings = equal_words(variable.name, "warning_count");
  if (!asks_warnings && !equal_words(variable.name, "error_count")) return false;
  query.what = asks_warnings ? What::WarningCount : What::ErrorCount;
  query.column = cursor.token().text;
  cursor.advance();
  return true;
}

bool read_function(Cursor& cursor, std::string_view sql, DiagnosticsQuery& query) {
  const std::size_t begin = cursor.offset();
  const bool asks_found = cursor.accept("found_rows");
  if (!asks_found && !cursor.accept("row_count")) return false;
  if (!cursor.accept('(') || !cursor.token().is(')')) return false;
  query.what = asks_found ? What::FoundRows : What::RowCount;
  query.column = sql.substr(begin, cursor.offset() + 1 - begin);
  cursor.advance();
  return true;
}

bool read_select(Cursor& cursor, std::string_view sql, DiagnosticsQuery& query) {
  if (!read_variable(cursor, query) && !read_function(cursor, sql, query)) return false;
  query.resets = true;
  const bool has_as = cursor.accept("as");
  const bool is_name = cursor.token().kind == TokenKind::Word ||
                       cursor.token().kind == TokenKind::QuotedIdentifier ||
                       cursor.token().kind == TokenKind::String;
  if (!is_name) return !has_as;
  query.column = unquoted(cursor.token().text);
  cursor.advance();
  return true;
}

bool read_statement(Cursor& cursor, std::string_view sql, DiagnosticsQuery& query) {
  if (cursor.accept("show")) return read_show(cursor, query);
  return cursor.accept("select") && read_select(cursor, sql, query);
}

}  // namespace

std::optional<DiagnosticsQuery> parse_diagnostics_query(std::string_view sql, LexerMode mode) {
  DiagnosticsQuery query;
  const auto read = [&](Cursor& cursor) { return read_statement(cursor, sql, query); };
  if (!is_whole_statement(sql, mode, read)) return {};
  return query;
}

std::optional<LeadingDiagnosticsQuery> parse_leading_diagnostics_query(std::string_view sql,
                                                                       LexerMode mode) {
  DiagnosticsQuery query;
  const auto read = [&](Cursor& cursor) { return read_statement(cursor, sql, query); };
  const auto rest = end_of_leading_statement(sql, mode, read);
  if (!rest) return {};
  return LeadingDiagnosticsQuery{std::move(query), *rest};
}

}  // namespace dorsal::sql
