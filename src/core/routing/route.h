// Which server a statement goes to: the primary, a replica, or wherever the last one ran.
//
// route() looks at the statement and the session and says whether a replica may serve it at all;
// its rules are rows of one table, tried in order, and each has the name that counters and tests
// show. choose_reader() then picks the replica. Both are pure. When in doubt both answer with the
// primary.
#pragma once

#include <string_view>

#include "core/sql/statement.h"

namespace dorsal::routing {

// What the port that a client came in through promises.
enum class Listener {
  Split,     // writes to the primary, reads to the replicas
  Primary,   // everything to the primary
  Replicas,  // everything to one replica
};

std::string_view to_string(Listener listener);

// What a session is in the middle of. Held by the proxy, one for each client.
struct SessionView {
  Listener listener = Listener::Split;
  bool in_transaction = false;  // as the server's last status flags said
  bool autocommit = true;
  bool pinned = false;  // temporary table, lock, …: see sql::Pins
  bool next_is_set =
      false;               // SET TRANSACTION says how the next one, of one statement too, is to be
  bool tied = false;       // must go on over the connection that it has
  bool read_only = false;  // its transactions are, unless they say otherwise
  bool last_ran_on_reader = false;
};

enum class Where {
  Home,      // the session's own connection: to the primary, on the replicas port to its replica
  Reader,    // a replica of choose_reader()'s choice
  LastUsed,  // the connection that ran the session's previous statement
  ReadOnlyTransaction,  // a replica of choose_reader()'s choice, home until the transaction ends
  Proxy,                // no server: the proxy answers
};

struct Route {
  Where where = Where::Home;
  std::string_view rule;  // static text
};

Route route(const sql::Statement& statement, const SessionView& session);

}  // namespace dorsal::routing
