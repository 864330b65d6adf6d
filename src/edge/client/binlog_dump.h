// Reads a server's binary log over a connection, for what stands at the head of its events.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/client/connection.h"
#include "edge/io/task.h"

namespace dorsal::client {

// Sends COM_BINLOG_DUMP_GTID, as mysql::dump_beyond() makes it, and calls `see` with the beginning
// of every event, up to `enough` bytes of it, until the log ends; the server closes the connection
// then. Memory stays bounded, however large events are. Invalid with the server's words when it
// refuses or breaks off.
io::Task<Result<void>> dump_binlog(Connection& connection,
                                   std::string command,
                                   std::size_t enough,
                                   std::function<void(std::string_view)> see,
                                   Deadline deadline);

}  // namespace dorsal::client
