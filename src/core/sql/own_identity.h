// Puts what USER() and CONNECTION_ID() mean to a client into its statement.
//
// A server would answer with the proxy's address and the number of one connection, and of another
// one with the next statement: rows that a client keeps under its CONNECTION_ID() would be lost to
// it. Where a column of the result is such a call and nothing else, its rows are put right instead
// (see identity_query.h), so that its name, type and length remain the server's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/sql/lexer.h"

namespace dorsal::sql {

struct OwnIdentity {
  std::string user;  // as USER() has it: name@host
  std::uint32_t connection_id = 0;
};

// The text for the server; empty when it needs no change or must not be changed:
//   - what is kept as a text, and runs later or for others: CREATE, ALTER, PREPARE
//   - EXPLAIN, SHOW and whatever else does not compute a value for the client
//   - statements that meet the calls with what the server itself says about connections: system
//     schemas, user locks, PS_THREAD_ID()
//   - columns that would get another name, where somebody may ask for it: those of a subquery
//     without AS
//   - texts that cannot be read with certainty, that nest deeper than 200 parentheses or have more
//     than 1 MiB, and a name that is not plain ASCII
// A changed column of the result that has no alias gets its own text as one, which is the name that
// the server would have given it.
std::optional<std::string> with_own_identity(std::string_view sql,
                                             LexerMode mode,
                                             const OwnIdentity& identity);

}  // namespace dorsal::sql
