// A fail-over that an operator asks for, because none happens by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/cluster/topology.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::failover {

struct ManualFailover {
  cluster::Election election;  // to be recorded
  // What acknowledged writes may be lost with; empty, as the next two, when none can be.
  std::string obstacle;
  mysql::GtidSet lost;               // what others have said that they have, and the new one lacks
  std::vector<std::string> unknown;  // nodes that may have more than they last said
};

// Without a wish, the node that has the most is chosen. NotFound: there is no such node. Conflict,
// in a sentence: the primary is at work, or the node cannot lead.
Result<ManualFailover> plan_failover(const cluster::Topology& topology,
                                     const std::optional<cluster::NodeName>& wish,
                                     std::string reason,
                                     std::int64_t wall_ms);

// Why the node could not be made the primary without a risk for acknowledged writes; empty when it
// could. An election that is under way waits for as long as there is such an obstacle.
std::string obstacle_to(const cluster::Topology& topology, const cluster::NodeName& chosen);

}  // namespace dorsal::failover
