// Virtual time: things happen in the order of their moments, at once.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/deadline.h"

namespace dorsal::sim {

using Milliseconds = std::chrono::milliseconds;

class Clock {
 public:
  TimePoint now() const { return now_; }
  std::int64_t wall_ms() const {
    return std::chrono::duration_cast<Milliseconds>(now_.time_since_epoch()).count();
  }

  // Of two that are due at the same moment, the one that was asked for first comes first.
  void after(Duration delay, std::function<void()> action) {
    events_.push({now_ + delay, next_++, std::move(action)});
  }

  // Lets the next thing happen; false when nothing is left, or nothing up to then.
  bool step(TimePoint until) {
    if (events_.empty() || events_.top().when > until) return false;
    Event event = events_.top();
    events_.pop();
    now_ = event.when;
    event.action();
    return true;
  }

 private:
  struct Event {
    TimePoint when;
    std::uint64_t number = 0;
    std::function<void()> action;
    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : number > other.number;
    }
  };

  TimePoint now_{std::chrono::hours(1)};
  std::uint64_t next_ = 0;
  std::priority_queue<Event> events_;
};

}  // namespace dorsal::sim
