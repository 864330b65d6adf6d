// Asks a server what a session has left on its connection that no tracker tells: locks, SQL-level
// prepared statements, user variables.
//
// The question is put as the monitor's account, since clients may not look there. It costs the
// server some tenths of a millisecond, so it is put only after statements that may have changed the
// answer.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/client/connection.h"
#include "edge/io/task.h"

namespace dorsal::proxy {

struct LoopContext;
struct Server;

struct Inspection {
  bool has_locks = false;  // of users, tables, handlers, backups
  bool has_prepared = false;
  std::vector<std::string> user_variables;
};

// One for each loop.
class Inspector {
 public:
  // The context outlives the inspector.
  explicit Inspector(LoopContext& context) : context_(context) {}

  // Of a connection on which no transaction is open and no statement runs. NotFound when the server
  // does not know it.
  io::Task<Result<Inspection>> inspect(const Server& server,
                                       std::uint32_t connection_id,
                                       Deadline deadline);

 private:
  struct Idle {
    std::unique_ptr<client::Connection> connection;
    TimePoint since;
  };
  using Connections = std::deque<Idle>;  // the last one was used last

  std::unique_ptr<client::Connection> take_idle(std::size_t server);
  void keep(std::size_t server, std::unique_ptr<client::Connection> connection);

  LoopContext& context_;
  std::map<std::size_t, Connections> idle_;  // by server
};

}  // namespace dorsal::proxy
