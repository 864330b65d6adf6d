// What an agent tells the others of its node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "core/cluster/topology.h"
#include "core/failover/decide.h"

namespace dorsal::agent {

// Behind the primary, by the newest heartbeat in the node's own tables: heartbeats are written once
// every interval, so one of that age is none behind. 0 at the primary; empty when there is no
// heartbeat, or nobody to write one. wall_ms: what the primary's clock shows now.
std::optional<std::int64_t> lag_ms(const failover::View& view,
                                   std::int64_t wall_ms,
                                   Duration interval);

// What is known of a server that is down stays in the state as it was published last: others judge
// by it whether a primary has lost data.
cluster::NodeState make_state(const failover::View& view,
                              const failover::Policy& policy,
                              std::string activity,
                              const cluster::NodeState& last);

// True when the others should know at once, not only at the next second.
bool differs_in_kind(const cluster::NodeState& left, const cluster::NodeState& right);

}  // namespace dorsal::agent
