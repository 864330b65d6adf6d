#include "core/failover/lag.h"

#include <algorithm>
#include <chrono>

namespace dorsal::failover {

std::optional<std::int64_t> lag_ms(const View& view, std::int64_t wall_ms, Duration interval) {
  const auto& facts = view.server.facts;
  const cluster::Node* primary = view.topology.primary();
  if (!facts || primary == nullptr) return std::nullopt;
  if (primary->member.name == view.self) {
    return facts->writable ? std::optional<std::int64_t>(0) : std::nullopt;
  }
  if (primary->state.role != cluster::Role::Primary || !facts->heartbeat_ms) return std::nullopt;
  const auto interval_ms = std::chrono::duration_cast<std::chrono::milliseconds>(interval).count();
  return std::max<std::int64_t>(0, wall_ms - *facts->heartbeat_ms - interval_ms);
}

std::optional<std::int64_t> Lag::note(const View& view, std::int64_t wall_ms, Duration interval) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  // A clone is as old as its donor's heartbeat.
  if (view.server.stage != cluster::DataStage::Member) last_ms_.reset();
  auto lag = lag_ms(view, wall_ms, interval);
  if (!lag) return lag;
  if (last_ms_) {
    const std::int64_t passed_ms = duration_cast<milliseconds>(view.now - last_at_).count();
    lag = std::min(*lag, *last_ms_ + passed_ms);
  }
  last_ms_ = lag;
  last_at_ = view.now;
  return lag;
}

}  // namespace dorsal::failover
