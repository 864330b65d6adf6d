// Waits for signals of this process.
#pragma once

#include <vector>

#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::io {

// The first of these signals that arrives; their default action is off while it waits, and one that
// comes before the first wait acts as ever. 0 when the task is cancelled. Signals are a property of
// the process: use it on one loop only.
Task<int> wait_signal(Loop& loop, std::vector<int> signals);

}  // namespace dorsal::io
