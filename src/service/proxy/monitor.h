// Keeps an eye on one server: is it reachable, and how far has it come?
#pragma once

#include <memory>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/client/connection.h"
#include "edge/io/task.h"

namespace dorsal::proxy {

struct LoopContext;
struct Server;

// A connection of the monitor's account.
io::Task<Result<std::unique_ptr<client::Connection>>> connect_as_monitor(LoopContext& context,
                                                                         const Server& server,
                                                                         Deadline deadline);

// Asks the server again and again until cancelled; notes whether it answers, its executed GTIDs,
// and, of the primary, the facts that new sessions need. The arguments outlive the task.
io::Task<> monitor(LoopContext& context, Server& server);

}  // namespace dorsal::proxy
