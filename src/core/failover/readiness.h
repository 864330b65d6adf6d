// What would happen if the primary were lost at this moment, for people to know before it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/cluster/topology.h"

namespace dorsal::failover {

struct Readiness {
  std::string blocked_by;  // why nobody would take over by itself; empty: somebody would
  std::optional<cluster::NodeName> candidate;  // who, as far as can be told; empty: nobody
  bool may_lose_writes = false;                // acknowledged ones
  // About how long, at the longest, nobody could write: when the primary's host is lost, its lease
  // has to run out; when only its mysqld dies, its agent says so.
  std::int64_t host_lost_ms = 0;
  std::int64_t mysqld_lost_ms = 0;
  // Any so many nodes may be lost at once, and writes go on, or go on again by themselves: as
  // things are now, and when every node is well.
  std::size_t survives_now = 0;
  std::size_t survives = 0;
};

// Of a cluster in which the states of silent agents were turned Down (cluster::Silence).
Readiness readiness(const cluster::Topology& topology);

}  // namespace dorsal::failover
