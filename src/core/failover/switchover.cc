#include "core/failover/switchover.h"

#include <fmt/format.h>

#include <limits>
#include <tuple>
#include <utility>
#include <vector>

namespace dorsal::failover {

using cluster::Node;
using cluster::NodeName;
using cluster::Role;
using cluster::Topology;

namespace {

// The higher the better.
auto rank(const Node& node) {
  const std::int64_t lag = node.state.lag_ms.value_or(std::numeric_limits<std::int64_t>::max());
  return std::make_pair(node.state.priority, -lag);
}

bool wants_votes(const Topology& topology) {
  return topology.charter.wants_acks() && topology.vote_of(topology.leadership.primary) != nullptr;
}

Result<NodeName> choose(const Topology& topology) {
  const Node* best = nullptr;
  std::vector<std::string> why;
  for (const Node& node : topology.nodes) {
    if (node.member.name == topology.leadership.primary) continue;
    const std::string reason = why_unfit(topology, node.member.name);
    if (!reason.empty()) {
      why.push_back(reason);
    } else if (best == nullptr || rank(node) > rank(*best)) {
      best = &node;
    }
  }
  if (best != nullptr) return best->member.name;
  if (why.empty()) return conflict("there is no other node that could become the primary");
  return conflict(
      fmt::format("no other node can become the primary now: {}", fmt::join(why, "; ")));
}

}  // namespace

std::string why_unfit(const Topology& topology, const NodeName& name) {
  const Node* node = topology.find(name);
  if (node == nullptr) return fmt::format("there is no node {}", name.value());
  const auto because = [&](std::string_view reason) {
    return fmt::format("{} {}", name.value(), reason);
  };
  if (name == topology.leadership.primary) return because("is the primary already");
  if (node->state.role == Role::Down) return because("is down");
  if (!node->member.joined) return because("has not joined the cluster yet");
  if (node->member.removal_asked_ms != 0) return because("is about to leave the cluster");
  if (node->state.priority == 0) return because("has priority 0, so it never leads");
  if (!node->state.healthy) {
    const std::string& activity = node->state.activity;
    return because(activity.empty() ? "is not healthy" : "is not healthy: " + activity);
  }
  if (wants_votes(topology) && !topology.is_voter(name)) return because("has no vote");
  return {};
}

Result<cluster::Switchover> plan_switchover(const Topology& topology,
                                            const std::optional<NodeName>& wish,
                                            std::int64_t wall_ms) {
  const auto& leadership = topology.leadership;
  const Node* primary = topology.primary();
  if (primary == nullptr) return conflict("the cluster has no primary yet");
  if (leadership.election && leadership.election->term > leadership.term) {
    return conflict("another primary is being elected at this moment; look at 'dorsal status'");
  }
  if (leadership.switchover && leadership.switchover->is_under_way()) {
    return conflict(
        fmt::format("a switchover to {} is under way already", leadership.switchover->to.value()));
  }
  if (wish && topology.find(*wish) == nullptr) {
    return not_found(fmt::format("there is no node {}", wish->value()));
  }
  if (primary->state.role != Role::Primary) {
    return conflict(
        fmt::format("the primary {} does not take writes now, so there is nothing to "
                    "hand over; look at 'dorsal status'",
                    primary->member.name.value()));
  }
  cluster::Switchover planned;
  if (wish) {
    const std::string reason = why_unfit(topology, *wish);
    if (!reason.empty()) return conflict(reason);
    planned.to = *wish;
  } else {
    DORSAL_TRY(planned.to, choose(topology));
  }
  planned.begun_ms = wall_ms;
  return planned;
}

}  // namespace dorsal::failover
