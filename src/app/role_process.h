// What the processes of all roles have in common.
#pragma once

#include <optional>
#include <string>

#include "app/commands.h"
#include "app/config.h"
#include "base/counters.h"
#include "base/result.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"
#include "edge/io/tls.h"

namespace dorsal::app {

// Loads the configuration, opens the log, and ignores SIGPIPE, which a library may cause.
Result<Config> begin_role(const RoleOptions& options);

// Returns with the signal that tells the process to end.
io::Task<int> wait_for_end(io::Loop& loop);

// Runs the admin page, and the proxy in front of it when with_proxy, until told to end.
Result<void> serve(const Config& config, bool with_proxy);

}  // namespace dorsal::app
