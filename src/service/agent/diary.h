// Writes what a node decides into the cluster's audit trail. Internal to this folder.
//
// Nothing waits for it: events are kept in memory until the store takes them, and the oldest are
// given up when there are too many.
#pragma once

#include <cstddef>
#include <deque>

#include "core/cluster/event.h"
#include "edge/coord/event_store.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::agent {

class Diary {
 public:
  // Both outlive it. Without a store nothing is kept.
  Diary(io::Loop& loop, coord::EventStore* store) : loop_(loop), store_(store), news_(loop) {}

  void note(cluster::Event event);

  // Ends when cancelled.
  io::Task<> write_for_ever();

 private:
  io::Task<> write();

  io::Loop& loop_;
  coord::EventStore* const store_;
  io::Event news_;
  std::deque<cluster::Event> unwritten_;
  std::size_t written_ = 0;
};

}  // namespace dorsal::agent
