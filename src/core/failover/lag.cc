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

}  // namespace dorsal::failover
