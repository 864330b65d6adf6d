// What another machine's wall clock shows, by the stamps that it publishes once a second or so and
// by a clock of this machine that never jumps. So stamps of one machine can be compared with each
// other elsewhere, whatever the wall clocks of both say.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/deadline.h"
#include "core/cluster/topology.h"

namespace dorsal::cluster {

class RemoteClock {
 public:
  // The newest stamp of that clock, as it is seen now. Once more the same says nothing.
  void note(std::int64_t stamp_ms, TimePoint now);

  // Behind by as long as the one of the newest stamps that came soonest took to come. Empty before
  // the second one, as the first may be of any age.
  std::optional<std::int64_t> wall_ms(TimePoint now) const;

 private:
  std::optional<std::int64_t> newest_ms_;
  std::deque<std::int64_t> ahead_ms_;  // of this machine's clock, by the newest stamps
};

// That of the primary's agent, with which heartbeats are stamped.
class PrimaryClock {
 public:
  // REQUIRES: called each time that the store was read.
  void note(const Topology& topology, TimePoint now);

  // own_ms: this machine's wall clock, which is gone by until the other is known.
  std::int64_t wall_ms(TimePoint now, std::int64_t own_ms) const;

 private:
  NodeName primary_;
  RemoteClock clock_;
};

}  // namespace dorsal::cluster
