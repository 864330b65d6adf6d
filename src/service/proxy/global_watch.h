// Notices when a server's global variables change.
//
// A session begins with the global values of that moment, and so does a connection to a server. One
// that was opened before a change would show a session that begins afterwards the old values; so a
// pool gives it to nobody but the session that has used it last, and closes it. What is set through
// this proxy counts at once, see Session::note_end(), all else at the next look.
//
// Only variables that follow a session from connection to connection are looked at, see
// sql::carry(): others tie the session that sets them, and belong to servers rather than to
// sessions.
#pragma once

#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/client/connection.h"
#include "edge/io/task.h"
#include "service/proxy/servers.h"

namespace dorsal::proxy {

// One server's, which outlives it.
class GlobalWatch {
 public:
  explicit GlobalWatch(Server& server) : server_(server) {}

  // The connection of the next look is another one, maybe to another version of the server.
  void connected() { question_.clear(); }

  // Asks for the values, and counts a change in Server::global_changes. An error is no reason to
  // think less of the server.
  io::Task<Result<void>> look(client::Connection& connection, Deadline deadline);

 private:
  Server& server_;
  std::string question_;  // empty: which variables the server has is not known
  std::string seen_;      // the values, all in one; empty: not known
};

}  // namespace dorsal::proxy
