#include "core/sql/dorsal_query.h"

#include "core/sql/ascii.h"
#include "core/sql/set_statement.h"
#include "core/sql/system_variable.h"
#include "core/sql/whole_statement.h"

namespace dorsal::sql {
namespace {

constexpr std::string_view kOwnPrefix = "dorsal";
constexpr std::string_view kTrackerPrefix = "session_track";

// The prefix alone is the name of nothing.
bool goes_on_behind(std::string_view pattern, std::string_view prefix) {
  return pattern.size() > prefix.size() && starts_with_word(pattern, prefix);
}

bool is_name(const Token& token) {
  return token.kind == TokenKind::Word || token.kind == TokenKind::QuotedIdentifier ||
         token.kind == TokenKind::String;
}

// CONNECTION_ID ( ): the heading is the text as written.
bool parse_connection_id(Cursor& cursor, std::string_view sql, DorsalQuery& query) {
  const std::size_t begin = cursor.offset();
  if (!cursor.accept("connection_id") || !cursor.accept('(')) return false;
  if (!cursor.token().is(')')) return false;
  query.what = DorsalQuery::What::ConnectionId;
  query.column = sql.substr(begin, cursor.offset() + 1 - begin);
  cursor.advance();
  return true;
}

bool parse_variable(Cursor& cursor, DorsalQuery& query) {
  if (cursor.token().kind != TokenKind::SystemVariable) return false;
  SystemVariable variable = read_system_variable(cursor.token().text);
  if (!is_proxy_variable(variable)) return false;
  query.what = DorsalQuery::What::Variable;
  query.name = to_lower(variable.name);
  query.column = cursor.token().text;
  cursor.advance();
  return true;
}

std::optional<DorsalQuery> parse_select(Cursor& cursor, std::string_view sql) {
  DorsalQuery query;
  if (!parse_variable(cursor, query) && !parse_connection_id(cursor, sql, query)) return {};
  bool alias = cursor.accept("as");
  if (is_name(cursor.token())) {
    query.column = unquoted(cursor.token().text);
    cursor.advance();
  } else if (alias) {
    return {};
  }
  return query;
}

std::optional<DorsalQuery> parse_show(Cursor& cursor, LexerMode mode) {
  const bool is_global = cursor.accept("global");
  if (!is_global) (void)(cursor.accept("session") || cursor.accept("local"));
  DorsalQuery query;
  if (cursor.accept("variables")) {
    query.what = DorsalQuery::What::Variables;
  } else if (cursor.accept("status")) {
    query.what = DorsalQuery::What::Status;
  } else {
    return {};
  }
  if (!cursor.accept("like") || cursor.token().kind != TokenKind::String) return {};
  query.pattern = to_lower(literal_text(cursor.token().text, mode));
  const bool asks_trackers = query.what == DorsalQuery::What::Variables && !is_global &&
                             goes_on_behind(query.pattern, kTrackerPrefix);
  if (!asks_trackers && !goes_on_behind(query.pattern, kOwnPrefix)) return {};
  cursor.advance();
  return query;
}

}  // namespace

std::optional<DorsalQuery> parse_dorsal_query(std::string_view sql, LexerMode mode) {
  std::optional<DorsalQuery> query;
  const auto read = [&](Cursor& cursor) {
    if (cursor.accept("select")) {
      query = parse_select(cursor, sql);
    } else if (cursor.accept("show")) {
      query = parse_show(cursor, mode);
    }
    return query.has_value();
  };
  if (!is_whole_statement(sql, mode, read)) return {};
  return query;
}

bool matches_like(std::string_view name, std::string_view pattern) {
  // After a mismatch it goes back to the last %, which then takes one character more.
  std::size_t n = 0;
  std::size_t p = 0;
  std::size_t after_percent = std::string_view::npos;
  std::size_t taken_until = 0;
  while (n < name.size()) {
    bool escape = p + 1 < pattern.size() && pattern[p] == '\\';
    std::size_t literal = escape ? p + 1 : p;
    if (p < pattern.size() && !escape && pattern[p] == '%') {
      after_percent = ++p;
      taken_until = n;
    } else if (p < pattern.size() &&
               (pattern[literal] == name[n] || (!escape && pattern[p] == '_'))) {
      p = literal + 1;
      ++n;
    } else if (after_percent != std::string_view::npos) {
      p = after_percent;
      n = ++taken_until;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('%', p) == std::string_view::npos;
}

}  // namespace dorsal::sql
