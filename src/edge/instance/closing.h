// How a primary that is well stops being written to, so that nobody's work is cut off without need.
#pragma once

#include "base/deadline.h"
#include "base/result.h"
#include "edge/instance/server_link.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::instance {

// Waits until no transaction of a client is open, or until `drain` is over; then switches
// super_read_only on, which waits for the commits under way, and ends the connections whose
// transactions are still open. Statements that run beyond the drain are interrupted, commits never.
//
// Timeout: something does not let the server be closed (a backup's FLUSH TABLES WITH READ LOCK, a
// long DDL, commits that wait for acknowledgements); it takes writes as before, but for the
// statements that were interrupted.
io::Task<Result<void>> close_for_writes(io::Loop& loop,
                                        ServerLink& server,
                                        Duration drain,
                                        Deadline deadline);

}  // namespace dorsal::instance
