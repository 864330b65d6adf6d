#include "core/failover/readiness.h"

#include <algorithm>

#include "core/failover/election.h"
#include "core/failover/questions.h"
#include "core/failover/switchover.h"

namespace dorsal::failover {

using cluster::Node;
using cluster::Role;

namespace {

// To elect and to open, on a busy machine (bench/failover.py).
constexpr std::int64_t kElection_ms = 1000;

// The cluster, its primary lost.
View bereft(const cluster::Topology& topology) {
  View view;
  view.topology = topology;
  for (Node& node : view.topology.nodes) {
    if (node.member.name == topology.leadership.primary) node.state.role = Role::Down;
  }
  return view;
}

bool counts(const cluster::Topology& topology, const Node& node) {
  return topology.is_voter(node.member.name) && node.member.name != topology.leadership.primary;
}

// With so many voters beside the primary, of which some are well. Losing replicas alone, enough
// must be left to acknowledge; losing the primary with them, enough to say what they have.
std::size_t losses(std::size_t voters, std::size_t well, std::size_t acks) {
  const std::size_t needed = voters < acks ? voters : voters - acks + 1;
  if (voters < acks || well < acks || well < needed) return 0;
  return std::min(well - acks, 1 + well - needed);
}

const Node* candidate(const cluster::Topology& topology) {
  const Node* best = nullptr;
  for (const Node& node : topology.nodes) {
    if (!why_unfit(topology, node.member.name).empty()) continue;
    if (best == nullptr || node.state.priority > best->state.priority) best = &node;
  }
  return best;
}

}  // namespace

Readiness readiness(const cluster::Topology& topology) {
  Readiness result;
  const View view = bereft(topology);
  if (topology.primary() == nullptr) {
    result.blocked_by = "the cluster has no primary yet";
    return result;
  }
  const std::int64_t lease_ms = topology.leadership.lease_ms;
  result.host_lost_ms = lease_ms + kElection_ms;
  result.mysqld_lost_ms = kElection_ms;
  result.may_lose_writes = !writes_are_protected(view);
  result.blocked_by = topology.pause ? "the cluster is paused" : why_not_electable(view);
  const Node* best = candidate(topology);
  if (result.blocked_by.empty() && best == nullptr) {
    result.blocked_by = "no other node could lead now";
  }
  if (result.blocked_by.empty()) result.candidate = best->member.name;
  std::size_t voters = 0;
  std::size_t well = 0;
  for (const Node& node : topology.nodes) {
    if (!counts(topology, node)) continue;
    ++voters;
    if (node.state.healthy) ++well;
  }
  const std::size_t acks = std::max<std::size_t>(topology.acks_in_force(), 1);
  if (!acks_are_required(view)) return result;
  result.survives = losses(voters, voters, acks);
  if (result.blocked_by.empty()) result.survives_now = losses(voters, well, acks);
  return result;
}

}  // namespace dorsal::failover
