// Waits for signals of this process.
#pragma once

#include <memory>
#include <vector>

#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::io {

// The first of these signals that arrives; their default action is off while it waits, and one that
// comes before the first wait acts as ever. 0 when the task is cancelled. Signals are a property of
// the process: use it on one loop only.
Task<int> wait_signal(Loop& loop, std::vector<int> signals);

// For who waits more than once: the default action of these signals is off for as long as this
// lives, and one that comes while nobody waits is the next one's. Two of the same kind that come
// before the first is taken may be one. The loop outlives it.
class Signals {
 public:
  Signals(Loop& loop, const std::vector<int>& signals);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // As wait_signal(). One at a time.
  Task<int> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dorsal::io
