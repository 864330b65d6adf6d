// What a node remembers of the store, in a file of its own in the node's folder:
//
//   changes=12
//   term=3
//   primary=node2
//   election=0
//   members=node1,node2,node3
//
// Written by a thread of its own, as a stalled disk may hold it up for ever.
#pragma once

#include <memory>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/topology.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::instance {

class RememberedFile {
 public:
  // The loop outlives the object.
  RememberedFile(io::Loop& loop, std::string file);

  // Nothing, when there is no file yet. Corrupt, in a sentence. Blocks.
  Result<cluster::Remembered> read() const;

  // Durable when it returns. Timeout: the thread is still at it, or at an earlier call; it may
  // succeed yet. One call at a time.
  io::Task<Result<void>> write(cluster::Remembered remembered, Deadline deadline);

 private:
  struct State;

  io::Task<bool> thread_ends(Deadline deadline);

  io::Loop& loop_;
  std::string file_;
  std::shared_ptr<State> state_;  // the thread's, too
};

}  // namespace dorsal::instance
