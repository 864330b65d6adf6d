// How long a server lately took to answer: a moving average over time, not over answers, so that a
// thousand quick ones do not hide that the server has become slow a second ago.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/deadline.h"

namespace dorsal::routing {

// Thread-safe; when two threads note at the same moment, one of the samples may be lost.
class Latency {
 public:
  // From sending a statement to the first byte of its answer.
  void note(Duration sample, TimePoint now);

  // No answer came.
  void note_failure(TimePoint now);

  // In nanoseconds; 0 before the first sample. What has not been renewed halves every second: a
  // server that nobody asks any more, since it was slow, is asked again in time.
  std::int64_t ns(TimePoint now) const;

 private:
  void set(std::int64_t value_ns, TimePoint now);

  std::atomic<std::int64_t> value_ns_{0};
  std::atomic<std::int64_t> noted_ns_{0};  // when
};

}  // namespace dorsal::routing
