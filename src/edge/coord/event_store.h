// The audit trail in the coordination store: the newest events of the whole cluster.
//
//   ~event/<wall clock, 20 digits>-<who>-<number>   Event, as JSON
#pragma once

#include <cstddef>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/event.h"
#include "edge/coord/coord_store.h"
#include "edge/io/task.h"

namespace dorsal::coord {

class EventStore {
 public:
  // The store outlives it. Methods run on its loop and fail as it does.
  explicit EventStore(CoordStore& store) : store_(store) {}

  io::Task<Result<void>> append(cluster::Event event, Deadline deadline);

  // All that are kept, the oldest first. What cannot be read is left out.
  io::Task<Result<std::vector<cluster::Event>>> read(Deadline deadline);

  // Removes all but the newest so many of the nodes' and as many of the operators', which are rare
  // and are not to go down among the others.
  io::Task<Result<void>> prune(std::size_t keep, Deadline deadline);

 private:
  CoordStore& store_;
};

}  // namespace dorsal::coord
