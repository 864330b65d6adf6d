// One line of the cluster's audit trail: what was decided or asked for, by whom, and why.
#pragma once

#include <cstdint>
#include <string>

#include "core/cluster/topology.h"

namespace dorsal::cluster {

struct Event {
  std::int64_t at_ms = 0;    // wall clock, when it was decided
  std::string by;            // a node's name, or "operator"
  std::string rule;          // of docs/failover.md, or the operator's command
  std::string what;          // for people to read
  Term term;                 // then
  std::string gtids;         // what the node had executed then; empty where it does not matter
  std::int64_t took_ms = 0;  // to carry it out
  std::string failed;        // why it could not be carried out; empty: it was
};

}  // namespace dorsal::cluster
