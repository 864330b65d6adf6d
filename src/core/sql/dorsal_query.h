// The questions that a client may ask in SQL and that only the proxy can answer: about Dorsal,
// about the session's own trackers (the servers' serve the proxy) and about its connection number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/sql/lexer.h"

namespace dorsal::sql {

struct DorsalQuery {
  enum class What : std::uint8_t {
    Variable,      // SELECT @@dorsal_consistency [AS alias]; also @@session_track_…
    ConnectionId,  // SELECT CONNECTION_ID() [AS alias]
    Variables,  // SHOW [GLOBAL | SESSION] VARIABLES LIKE 'dorsal%'; [SESSION] … 'session_track%'
    Status,     // SHOW [GLOBAL | SESSION] STATUS LIKE 'dorsal%'
  };
  What what = What::Variable;
  std::string name;     // of the variable: lower case, without signs and scope
  std::string column;   // the heading that a server would give: the alias, or the text as written
  std::string pattern;  // of LIKE, lower case, with its wildcards
};

// Empty for every other statement, also for one that asks for more than Dorsal's own.
std::optional<DorsalQuery> parse_dorsal_query(std::string_view sql, LexerMode mode);

// True when a LIKE pattern in lower case matches a name: % any text, _ one character, \ escapes.
bool matches_like(std::string_view name, std::string_view pattern);

}  // namespace dorsal::sql
