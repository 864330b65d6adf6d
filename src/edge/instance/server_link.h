// The agent's own connections to the local server, over its unix socket.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/client/connection.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::instance {

// One connection, made when first needed and again after it broke. One statement at a time.
class ServerLink {
 public:
  // The loop outlives the link.
  ServerLink(io::Loop& loop, std::string socket_path, std::string password)
      : loop_(loop), socket_path_(std::move(socket_path)), password_(std::move(password)) {}

  // The connection, logged in. Valid until the next call; drop() it after a failure that is not the
  // server's own ERR.
  io::Task<Result<client::Connection*>> connection(Deadline deadline);

  // Runs statements that return nothing. Invalid: the server's own words.
  io::Task<Result<void>> run(std::string sql, Deadline deadline);

  void drop() { connection_.reset(); }

 private:
  io::Loop& loop_;
  std::string socket_path_;
  std::string password_;
  std::unique_ptr<client::Connection> connection_;
};

}  // namespace dorsal::instance
