#include "core/sql/kill.h"

#include <charconv>

#include "core/sql/charset.h"
#include "core/sql/cursor.h"

namespace dorsal::sql {

std::optional<KillStatement> parse_kill(std::string_view sql, LexerMode mode) {
  if (is_unreadable(sql, mode)) return {};
  Cursor cursor(sql, mode);
  if (!cursor.accept("kill")) return {};
  KillStatement kill;
  kill.query_only = cursor.accept("query");
  if (!kill.query_only) (void)cursor.accept("connection");
  Token number = cursor.token();
  cursor.advance();
  (void)cursor.accept(';');
  if (number.kind != TokenKind::Number || !cursor.at_end() || cursor.doubtful()) return {};
  const char* end = number.text.data() + number.text.size();
  auto [stopped, error] = std::from_chars(number.text.data(), end, kill.id);
  if (error != std::errc() || stopped != end) return {};
  return kill;
}

}  // namespace dorsal::sql
