// KILL, whose numbers are the proxy's own connection ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/sql/lexer.h"

namespace dorsal::sql {

struct KillStatement {
  bool query_only = false;  // KILL QUERY: the connection lives on
  std::uint64_t id = 0;
};

// Only KILL [CONNECTION | QUERY] with a plain number. Empty for everything else, also for a number
// that comes from a variable or an expression, which only a server could evaluate.
std::optional<KillStatement> parse_kill(std::string_view sql, LexerMode mode);

}  // namespace dorsal::sql
