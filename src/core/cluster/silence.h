// Whose agent is silent, as one process sees it: by its own clock, which runs through suspend.
//
// A node is heard of when its state is another than the one before, so nobody's wall clock has to
// be right, neither the node's nor that of who looks. Only a state that was seen but once is judged
// by its wall-clock stamp: whoever has just started need not wait to know.
#pragma once

#include <cstdint>
#include <map>

#include "base/deadline.h"
#include "core/cluster/topology.h"

namespace dorsal::cluster {

// Whether this machine's clock, or one of theirs, seems to be wrong: a stamp is of the future, or
// fewer than two are of now, of which one may be this machine's own. Who looks only for a moment
// has to look again then before it believes anybody silent. wall_ms: of this machine.
bool clocks_may_differ(const Topology& topology, std::int64_t wall_ms);

class Silence {
 public:
  // REQUIRES: called each time that the store was read. wall_ms: of this machine.
  void note(const Topology& topology, TimePoint now, std::int64_t wall_ms);

  // The topology with the state of every silent agent turned Down and unhealthy.
  Topology without_silent(Topology topology, TimePoint now) const;

 private:
  struct Heard {
    std::int64_t published_ms = 0;
    TimePoint at;
  };
  std::map<NodeName, Heard> heard_;
};

}  // namespace dorsal::cluster
