// What an agent tells the others of its node.
#pragma once

#include <string>

#include "core/cluster/topology.h"
#include "core/failover/decide.h"

namespace dorsal::failover {

// What is known of a server that is down stays in the state as it was published last: others judge
// by it whether a primary has lost data. A replica without data has no position.
cluster::NodeState make_state(const View& view,
                              const Policy& policy,
                              std::string activity,
                              const cluster::NodeState& last);

// True when the others should know at once, not only at the next second.
bool differs_in_kind(const cluster::NodeState& left, const cluster::NodeState& right);

}  // namespace dorsal::failover
