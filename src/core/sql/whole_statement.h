// How a function that reads one kind of statement is put to use on a text.
//
// `read` is bool(Cursor&): whether such a statement stands where the cursor does, which is behind
// it then.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/sql/charset.h"
#include "core/sql/cursor.h"

namespace dorsal::sql {

// Whether the text is such a statement, and nothing else.
template <class Read>
bool is_whole_statement(std::string_view sql, LexerMode mode, const Read& read) {
  if (is_unreadable(sql, mode)) return false;
  Cursor cursor(sql, mode);
  if (!read(cursor)) return false;
  (void)cursor.accept(';');
  return cursor.at_end() && !cursor.doubtful();
}

// Where the next statement begins in a text of several that begins with such a one; empty for every
// other text.
template <class Read>
std::optional<std::size_t> end_of_leading_statement(std::string_view sql,
                                                    LexerMode mode,
                                                    const Read& read) {
  if (is_unreadable(sql, mode)) return {};
  Cursor cursor(sql, mode);
  if (!read(cursor) || !cursor.accept(';')) return {};
  // Marks around code would not survive cutting the text in two.
  if (cursor.at_end() || cursor.doubtful() || cursor.code_marks() > 0) return {};
  return cursor.offset();
}

}  // namespace dorsal::sql
