// The primary's heartbeats, by which replicas know their lag. Internal to this folder.
//
// They have a second duty. A replica may have received a transaction and lost its connection before
// it acknowledged it; it will not be sent the transaction again, so nothing would ever acknowledge
// it. An acknowledgement covers all that was written before, so any later transaction releases the
// waiting one. While a heartbeat waits and a replica is there to acknowledge, another one is
// written therefore, into a row of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/deadline.h"
#include "edge/instance/instance.h"
#include "edge/io/loop.h"
#include "edge/io/scope.h"
#include "edge/io/task.h"

namespace dorsal::agent {

class Heart {
 public:
  // All outlive the Heart; the scope's tasks end before it.
  Heart(io::Loop& loop, instance::Instance& instance, io::Scope& scope, std::int64_t (*wall_ms)())
      : loop_(loop), instance_(instance), scope_(scope), wall_ms_(wall_ms) {}

  bool writes = false;         // this node is the primary, with its lease
  bool has_listeners = false;  // replicas that acknowledge are connected

  // Ends when cancelled.
  io::Task<> beat_for_ever(Duration interval);

  // The slot of the heartbeat that is due at this moment; empty: none is.
  std::optional<std::size_t> due(TimePoint now) const;

 private:
  io::Task<> beat(std::size_t slot);

  io::Loop& loop_;
  instance::Instance& instance_;
  io::Scope& scope_;
  std::int64_t (*wall_ms_)();
  std::array<std::optional<TimePoint>, instance::kBeatSlots> sent_;  // those still waiting
};

}  // namespace dorsal::agent
