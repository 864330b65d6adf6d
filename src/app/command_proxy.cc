#include "app/commands.h"
#include "app/role_process.h"

namespace dorsal::app {

Result<void> proxy(const RoleOptions& options) { return serve(options, true); }

}  // namespace dorsal::app
