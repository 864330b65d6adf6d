// The three clocks. Durations are measured with the first, written down with the last.
#pragma once

#include <cstdint>

#include "base/deadline.h"

namespace dorsal::io {

// CLOCK_MONOTONIC, the clock of all Deadlines. It stands still while the machine is suspended.
TimePoint steady_now();

// CLOCK_BOOTTIME: like it, but goes on during suspension. The difference of the two tells whether
// the machine slept. Not to be mixed with Deadlines.
TimePoint boot_now();

// Milliseconds since 1970, UTC; may jump either way.
std::int64_t wall_ms();

}  // namespace dorsal::io
