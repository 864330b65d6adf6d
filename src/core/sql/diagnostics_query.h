// Statements that ask about the statement before them and about nothing else:
//
//   SHOW WARNINGS | ERRORS [LIMIT [offset,] count | LIMIT count OFFSET offset]
//   SHOW COUNT(*) WARNINGS | ERRORS
//   SELECT @@[SESSION.]warning_count | @@[SESSION.]error_count [[AS] name]
//   SELECT FOUND_ROWS() | ROW_COUNT() [[AS] name]
//
// The proxy answers them itself when the connection that could tell serves another session by then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/sql/lexer.h"

namespace dorsal::sql {

struct DiagnosticsQuery {
  enum class What { Warnings, Errors, WarningCount, ErrorCount, FoundRows, RowCount };
  What what = What::Warnings;
  std::uint64_t offset = 0;
  std::uint64_t limit = UINT64_MAX;
  std::string column;   // the heading of a single value
  bool resets = false;  // it counts as a statement itself, about which can be asked in turn
};

// Empty for every other statement.
std::optional<DiagnosticsQuery> parse_diagnostics_query(std::string_view sql, LexerMode mode);

// One of them, with which a text of several statements begins.
struct LeadingDiagnosticsQuery {
  DiagnosticsQuery query;
  std::size_t rest = 0;  // where the next statement begins in the text
};

// Empty unless the text begins with one and goes on behind it.
std::optional<LeadingDiagnosticsQuery> parse_leading_diagnostics_query(std::string_view sql,
                                                                       LexerMode mode);

}  // namespace dorsal::sql
