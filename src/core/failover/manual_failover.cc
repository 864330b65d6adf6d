#include "core/failover/manual_failover.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/failover/election.h"
#include "core/failover/old_store.h"
#include "core/failover/questions.h"

namespace dorsal::failover {

using cluster::Node;
using cluster::NodeName;
using cluster::Role;
using cluster::Topology;

namespace {

mysql::GtidSet known_of(const Node& node) { return position_of(node).value_or(mysql::GtidSet()); }

std::string why_not(const Topology& topology, const Node& node) {
  const std::string& name = node.member.name.value();
  if (node.member.name == topology.leadership.primary) {
    return name + " is the primary that is to be replaced";
  }
  if (node.state.role == Role::Down) return name + " is down";
  if (!node.member.joined) return name + " has not joined the cluster yet";
  return {};
}

Result<const Node*> choose(const Topology& topology) {
  const Node* best = nullptr;
  for (const Node& node : topology.nodes) {
    if (!why_not(topology, node).empty() || node.state.priority == 0) continue;
    if (best == nullptr || known_of(node).count() > known_of(*best).count()) best = &node;
  }
  if (best == nullptr)
    return conflict("there is no node that could take over: none is up that may lead");
  return best;
}

Result<const Node*> find(const Topology& topology, const NodeName& name) {
  const Node* node = topology.find(name);
  if (node == nullptr) return not_found(fmt::format("there is no node {}", name.value()));
  return node;
}

Result<const Node*> check(const Topology& topology, const Node* node) {
  const std::string reason = why_not(topology, *node);
  if (!reason.empty()) return conflict(reason);
  return node;
}

}  // namespace

Result<ManualFailover> plan_failover(const Topology& topology,
                                     const std::optional<NodeName>& wish,
                                     std::string reason,
                                     std::int64_t wall_ms) {
  const Node* primary = topology.primary();
  const Node* wished = nullptr;
  if (wish) {
    DORSAL_TRY(wished, find(topology, *wish));
  }
  if (primary == nullptr) return conflict("the cluster has no primary yet");
  if (primary->state.role == Role::Primary && primary->state.healthy) {
    return conflict(fmt::format("{} is at work as the primary; use 'dorsal switchover'",
                                primary->member.name.value()));
  }
  DORSAL_TRY(const Node* chosen, wish ? check(topology, wished) : choose(topology));
  ManualFailover planned;
  const auto& leadership = topology.leadership;
  const bool is_pending = leadership.election && leadership.election->term > leadership.term;
  planned.election.term =
      is_pending && !store_is_old(topology) ? leadership.election->term : topology.next_term();
  planned.election.begun_by = chosen->member.name;
  planned.election.reason = "an operator asked for it";
  if (!reason.empty()) planned.election.reason += ": " + reason;
  planned.election.begun_ms = wall_ms;
  planned.election.candidate = chosen->member.name;
  planned.obstacle = obstacle_to(topology, chosen->member.name);
  if (planned.obstacle.empty()) return planned;
  planned.election.may_lose_writes = true;
  for (const Node& node : topology.nodes) {
    planned.lost.unite(known_of(node));
    // An old primary that is up may have more, too: what it says is some moments old.
    const bool may_have_more = node.state.role == Role::Down || &node == primary;
    if (may_have_more && node.member.joined) planned.unknown.push_back(node.member.name.value());
  }
  planned.lost.subtract(known_of(*chosen));
  return planned;
}

std::string obstacle_to(const Topology& topology, const NodeName& chosen) {
  const Node* node = topology.find(chosen);
  if (node == nullptr || node->state.role == Role::Down) return chosen.value() + " is down";
  View view;
  view.self = chosen;
  view.topology = topology;
  std::string obstacle = why_not_electable(view);
  const bool has_no_vote = topology.vote_of(chosen) == nullptr;
  if (obstacle.empty() && has_no_vote) obstacle = chosen.value() + " has no vote";
  return obstacle;
}

}  // namespace dorsal::failover
