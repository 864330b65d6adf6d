#include "app/commands.h"
#include "app/role_process.h"

namespace dorsal::app {

Result<void> proxy(const RoleOptions& options) {
  DORSAL_TRY(auto config, begin_role(options));
  return serve(config, true);
}

}  // namespace dorsal::app
