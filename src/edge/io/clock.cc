#include "edge/io/clock.h"

#include <time.h>

namespace dorsal::io {

TimePoint steady_now() { return std::chrono::steady_clock::now(); }

TimePoint boot_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

std::int64_t wall_ms() {
  auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

}  // namespace dorsal::io
