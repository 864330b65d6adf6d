// Answers of the health probes, judged from one topology.
//
// They speak of the whole cluster as this process sees it, not of one server: a load balancer asks
// the proxy whether there is a primary to write to or a replica fresh enough to read from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/cluster/topology.h"

namespace dorsal::admin {

struct Health {
  bool is_good = false;
  std::string reason;  // one line, without a line break
};

// There is a primary that takes writes.
Health primary_health(const cluster::Topology& topology);

// There is a healthy replica, at most max_lag_ms behind when that is given.
Health replica_health(const cluster::Topology& topology, std::optional<std::int64_t> max_lag_ms);

// Some server can answer statements.
Health ready_health(const cluster::Topology& topology);

}  // namespace dorsal::admin
