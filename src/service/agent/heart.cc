#include "service/agent/heart.h"

#include <algorithm>

namespace dorsal::agent {

using io::Task;

namespace {

constexpr auto kStuckAfter = std::chrono::seconds(1);
constexpr auto kBeatLimit =
    std::chrono::minutes(10);  // a commit may wait for acknowledgements that long

}  // namespace

std::optional<std::size_t> Heart::due(TimePoint now) const {
  if (!writes) return std::nullopt;
  if (!sent_[0]) return 0;
  const auto newest =
      *std::max_element(sent_.begin(), sent_.end());  // an empty one is the smallest
  if (!has_listeners || now - *newest < kStuckAfter) return std::nullopt;
  const auto free = std::find(sent_.begin(), sent_.end(), std::nullopt);
  if (free == sent_.end()) return std::nullopt;
  return static_cast<std::size_t>(free - sent_.begin());
}

Task<> Heart::beat_for_ever(Duration interval) {
  while (!co_await io::cancelled()) {
    if (const auto slot = due(loop_.now())) {
      sent_[*slot] = loop_.now();
      scope_.spawn(beat(*slot));
    }
    const Deadline next = loop_.after(interval);
    if (!co_await loop_.sleep_until(next)) co_return;
  }
}

// One that fails is not repeated: the next is soon due.
Task<> Heart::beat(std::size_t slot) {
  const Deadline deadline = loop_.after(kBeatLimit);
  (void)co_await instance_.beat(slot, wall_ms_(), deadline);
  sent_[slot].reset();
}

}  // namespace dorsal::agent
