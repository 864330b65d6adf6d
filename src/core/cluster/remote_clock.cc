#include "core/cluster/remote_clock.h"

#include <algorithm>

namespace dorsal::cluster {
namespace {

// Stamps are not that late: the clock was set back.
constexpr std::int64_t kJump_ms = 3000;

// Of so many the one that came soonest counts, also where a clock goes slower than ours or was set
// back a little.
constexpr std::size_t kStamps = 10;

std::int64_t milliseconds(TimePoint now) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
}

}  // namespace

void RemoteClock::note(std::int64_t stamp_ms, TimePoint now) {
  if (newest_ms_ == stamp_ms) return;
  const bool is_first = !newest_ms_;
  newest_ms_ = stamp_ms;
  if (is_first) return;
  const auto expected_ms = wall_ms(now);
  if (expected_ms && stamp_ms <= *expected_ms - kJump_ms) ahead_ms_.clear();
  if (ahead_ms_.size() == kStamps) ahead_ms_.pop_front();
  ahead_ms_.push_back(stamp_ms - milliseconds(now));
}

std::optional<std::int64_t> RemoteClock::wall_ms(TimePoint now) const {
  if (ahead_ms_.empty()) return std::nullopt;
  return *std::ranges::max_element(ahead_ms_) + milliseconds(now);
}

void PrimaryClock::note(const Topology& topology, TimePoint now) {
  const Node* primary = topology.primary();
  if (primary == nullptr) return;
  if (primary->member.name != primary_) clock_ = RemoteClock();
  primary_ = primary->member.name;
  clock_.note(primary->state.published_ms, now);
}

std::int64_t PrimaryClock::wall_ms(TimePoint now, std::int64_t own_ms) const {
  return clock_.wall_ms(now).value_or(own_ms);
}

}  // namespace dorsal::cluster
