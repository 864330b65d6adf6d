// The moment by which something must have happened.
//
// Times are points on the steady clock; only edge and service read that clock (core gets a
// TimePoint handed in). A Deadline travels down the calls unchanged, so that ten steps of one
// request share one limit.
#pragma once

#include <chrono>

namespace dorsal {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Deadline {
 public:
  // Never expires. Only for waits that something else ends, such as a Scope's cancellation.
  static Deadline never() { return Deadline(TimePoint::max()); }
  static Deadline at(TimePoint when) { return Deadline(when); }
  static Deadline after(TimePoint now, Duration span) { return Deadline(now + span); }

  TimePoint when() const { return when_; }
  bool is_never() const { return when_ == TimePoint::max(); }
  bool has_passed(TimePoint now) const { return now >= when_; }

  // Zero once it has passed.
  Duration left(TimePoint now) const { return now >= when_ ? Duration::zero() : when_ - now; }

  Deadline earlier_of(Deadline other) const { return when_ < other.when_ ? *this : other; }

 private:
  explicit Deadline(TimePoint when) : when_(when) {}
  TimePoint when_;
};

}  // namespace dorsal
