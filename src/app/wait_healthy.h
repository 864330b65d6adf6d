// Waits until a cluster that was just started is healthy, and shows what it does meanwhile.
#pragma once

#include <functional>
#include <string>

#include "app/role_keeper.h"
#include "app/up_plan.h"
#include "base/result.h"

namespace dorsal::app {

// Returns when every node serves and the proxy sees it. Restarts roles that end meanwhile; gives
// up, naming the log to read, when one ends again and again or nothing moves for three minutes. A
// large clone may take hours: it moves. Unavailable "interrupted" after a signal or a `dorsal
// down`.
Result<void> wait_until_healthy(const UpPlan& plan, RoleKeeper& keeper, const RoleKeeper::Say& say);

}  // namespace dorsal::app
