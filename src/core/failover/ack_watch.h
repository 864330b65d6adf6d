// What a primary sees of the acknowledgements that its commits wait for.
#pragma once

#include <cstdint>
#include <optional>

#include "base/deadline.h"
#include "core/failover/decide.h"

namespace dorsal::failover {

// Sets unacknowledged_since and before_acks of a View.
class AckWatch {
 public:
  // Once for each look, when the topology and the server are in it.
  void note(View& view);

 private:
  // While these are the same, whatever is written is acknowledged by as many of the same voters.
  struct Terms {
    cluster::Term term;
    std::uint32_t acks = 0;
    cluster::Votes votes;

    bool operator==(const Terms&) const = default;
  };

  std::int64_t acknowledged_ = 0;  // commits, when it last looked
  std::optional<TimePoint> stuck_since_;
  Terms terms_;
  std::optional<mysql::GtidSet> before_;
};

}  // namespace dorsal::failover
