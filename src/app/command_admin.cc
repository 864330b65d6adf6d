#include "app/commands.h"
#include "app/role_process.h"

namespace dorsal::app {

Result<void> admin(const RoleOptions& options) { return serve(options, false); }

}  // namespace dorsal::app
