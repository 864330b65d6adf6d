// How far a replica is behind.
#pragma once

#include <cstdint>
#include <optional>

#include "base/deadline.h"
#include "core/failover/decide.h"

namespace dorsal::failover {

// Behind the primary, by the newest heartbeat in the node's own tables: heartbeats are written once
// every interval, so one of that age is none behind. 0 at the primary; empty when there is no
// heartbeat, or nobody to write one. wall_ms: what the primary's clock shows now, see
// cluster::PrimaryClock.
std::optional<std::int64_t> lag_ms(const View& view, std::int64_t wall_ms, Duration interval);

// What a node has seen of that, which grows no faster than time does. Where the primary's clock is
// set forward, or another primary's is ahead, the newest heartbeat looks old until the next one
// arrives.
class Lag {
 public:
  // Once for each look. Returns lag_ms(), or less.
  std::optional<std::int64_t> note(const View& view, std::int64_t wall_ms, Duration interval);

 private:
  std::optional<std::int64_t> last_ms_;  // when it was last known
  TimePoint last_at_;
};

}  // namespace dorsal::failover
