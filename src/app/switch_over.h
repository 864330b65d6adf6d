// Has another node made the primary, and waits until it is, or until it is clear that it will not
// be.
#pragma once

#include <cstdint>
#include <string>

#include "app/open_cluster.h"
#include "base/result.h"
#include "core/cluster/topology.h"

namespace dorsal::app {

struct SwitchoverWish {
  std::string to;  // empty: the fittest
  std::string reason;
  std::int64_t drain_ms = 1000;  // for transactions that are open
  bool is_silent = false;        // else the steps are printed on standard error
};

struct SwitchoverDone {
  cluster::NodeName from;
  cluster::NodeName to;
  cluster::Term term;
};

// Conflict, in a sentence: it was refused or given up, and who is the primary. When an Interrupt
// comes it is called off, unless that is too late.
Result<SwitchoverDone> switch_over(OpenCluster& open, const SwitchoverWish& wished);

}  // namespace dorsal::app
