// Who of a cluster is there, for commands, which look only for a moment.
//
// A state is believed for some seconds. How old one is at the first look only wall clocks can tell,
// and those of several machines may be wrong by hours. Where they seem to be, a command listens for
// new states before it calls anybody silent.
#pragma once

#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/silence.h"
#include "edge/coord/cluster_store.h"
#include "edge/io/loop.h"

namespace dorsal::app {

class Lookout {
 public:
  // Both outlive it. is_one_machine: all agents go by this machine's clock.
  Lookout(io::Loop& loop, coord::ClusterStore& records, bool is_one_machine);

  // What the store says, with the states of silent agents turned Down; each call to the store may
  // take as long as `limit`. Blocks; where clocks seem to differ, the first time for up to five
  // seconds, and for one where all agents are there.
  Result<coord::Snapshot> look(Duration limit);

 private:
  Result<coord::Snapshot> load(Duration limit);
  Result<coord::Snapshot> listen(coord::Snapshot first, Duration limit);

  io::Loop& loop_;
  coord::ClusterStore& records_;
  bool trusts_clocks_;
  cluster::Silence silence_;
};

}  // namespace dorsal::app
