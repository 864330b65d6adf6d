// What a server answers about itself where a client means itself: USER() names the host of the
// proxy's connection, CONNECTION_ID() is that connection's number, and lists of processes have such
// connections. The proxy puts these right in the rows that the server sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/sql/lexer.h"

namespace dorsal::sql {

struct IdentityQuery {
  enum class What : std::uint8_t {
    User,
    ConnectionId,
    LockHolder,  // the number of the connection that has a user lock
  };
  struct Column {
    std::size_t place = 0;  // in the rows
    What what = What::User;

    bool operator==(const Column&) const = default;
  };

  // Those of a SELECT's columns that are nothing but USER(), SESSION_USER(), SYSTEM_USER(),
  // CONNECTION_ID() or IS_USED_LOCK(…), with an alias or without. Not those behind a `*`, whose
  // place depends on a table, and none of a UNION, of which other rows mean something else.
  std::vector<Column> columns;
  bool lists_sessions = false;  // SHOW [FULL] PROCESSLIST
  // It reads from what may be a table of connections; which columns tell of one, their definitions
  // tell.
  bool reads_connections = false;

  bool is_empty() const { return columns.empty() && !lists_sessions && !reads_connections; }
};

// Empty for anything else, also for several statements in one text.
IdentityQuery parse_identity_query(std::string_view sql, LexerMode mode);

}  // namespace dorsal::sql
