#include "core/failover/protection.h"

#include <fmt/core.h>

#include "core/failover/questions.h"

namespace dorsal::failover {

using cluster::Mode;

namespace {

View view_of(const cluster::Topology& topology) {
  View view;
  view.topology = topology;
  return view;
}

}  // namespace

Result<void> check_protection(const cluster::Topology& topology, Mode mode, std::uint32_t acks) {
  const bool is_asked = topology.charter.mode == mode && topology.charter.acks == acks;
  if (is_asked) return {};
  if (topology.primary() == nullptr) return conflict("the cluster has no primary yet");
  const std::size_t replicas = joined_replicas(view_of(topology));
  if (mode == Mode::Async || replicas >= acks) return {};
  return conflict(fmt::format(
      "no write could be acknowledged by {} replicas, as the cluster has {} that {} a vote",
      acks,
      replicas,
      replicas == 1 ? "has" : "have"));
}

bool protection_is_as_asked(const cluster::Topology& topology) {
  const cluster::Node* primary = topology.primary();
  if (primary == nullptr) return false;
  if (!topology.charter.wants_acks()) {
    return !writes_are_protected(topology) && !primary->state.semi_sync;
  }
  return writes_are_protected(topology) && topology.acks_in_force() == topology.charter.acks;
}

bool writes_are_protected(const cluster::Topology& topology) {
  return writes_are_protected(view_of(topology));
}

}  // namespace dorsal::failover
