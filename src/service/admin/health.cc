#include "service/admin/health.h"

#include <fmt/format.h>

namespace dorsal::admin {
namespace {

bool is_serving_replica(const cluster::Node& node) {
  return node.state.role == cluster::Role::Replica && node.state.healthy;
}

// A lag that nobody could measure may be any lag.
bool is_within(const cluster::NodeState& state, std::optional<std::int64_t> max_lag_ms) {
  return !max_lag_ms || (state.lag_ms && *state.lag_ms <= *max_lag_ms);
}

}  // namespace

Health primary_health(const cluster::Topology& topology) {
  const auto* primary = topology.primary();
  if (primary == nullptr) return {false, "there is no primary"};
  const auto& name = primary->member.name.value();
  if (primary->state.role != cluster::Role::Primary) {
    return {false,
            fmt::format("{} leads term {} but is {} now",
                        name,
                        topology.leadership.term.value(),
                        to_string(primary->state.role))};
  }
  if (!primary->state.healthy) return {false, fmt::format("the primary {} is not healthy", name)};
  return {true, fmt::format("{} is primary in term {}", name, topology.leadership.term.value())};
}

Health replica_health(const cluster::Topology& topology, std::optional<std::int64_t> max_lag_ms) {
  bool has_replica = false;
  for (const auto& node : topology.nodes) {
    if (!is_serving_replica(node)) continue;
    has_replica = true;
    if (is_within(node.state, max_lag_ms)) {
      return {true, fmt::format("{} serves reads", node.member.name.value())};
    }
  }
  if (!has_replica) return {false, "there is no healthy replica"};
  return {false, fmt::format("no replica is within {} ms of the primary", *max_lag_ms)};
}

Health ready_health(const cluster::Topology& topology) {
  auto primary = primary_health(topology);
  if (primary.is_good) return primary;
  auto replica = replica_health(topology, std::nullopt);
  if (replica.is_good) return {true, fmt::format("{}; {}", replica.reason, primary.reason)};
  return {false, fmt::format("{} and {}", primary.reason, replica.reason)};
}

}  // namespace dorsal::admin
