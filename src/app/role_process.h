// What the processes of all roles have in common.
#pragma once

#include <string>

#include "app/commands.h"
#include "app/config.h"
#include "base/result.h"

namespace dorsal::app {

// Loads the configuration, opens the log, and ignores SIGPIPE, which a library may cause.
Result<Config> begin_role(const RoleOptions& options);

// The file that the options lead to, and what is in it.
std::string role_config_file(const RoleOptions& options);
Result<Config> load_role_config(const RoleOptions& options);

// Opens the log file anew, also when it is the one from before: it may have been moved away.
Result<void> open_log(const LogConfig& config);

// Runs the admin page, and the proxy in front of it when with_proxy, until told to end. SIGHUP
// makes it read its configuration again.
Result<void> serve(const RoleOptions& options, bool with_proxy);

}  // namespace dorsal::app
