#include "app/ask_member.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "app/interrupt.h"
#include "core/failover/removal.h"
#include "edge/io/clock.h"

namespace dorsal::app {
namespace {

using cluster::Member;
using cluster::Node;
using cluster::NodeName;
using cluster::Role;
using cluster::Topology;

constexpr auto kLookEvery = std::chrono::milliseconds(500);
constexpr auto kPatience = std::chrono::minutes(3);  // without anything to be seen of it

// A commit that only one node acknowledges waits for as long as that one is behind.
constexpr std::int64_t kClose_ms = 500;
constexpr auto kClosenessLimit = std::chrono::seconds(30);

Result<Topology> look(OpenCluster& open) {
  DORSAL_TRY(coord::Snapshot now, open.look());
  return std::move(now.topology);
}

// The stamp of the request.
Result<std::int64_t> ask(OpenCluster& open, const NodeName& name, std::int64_t Member::*asked_ms) {
  return open.run(open.records().ask_member(name, asked_ms, io::wall_ms(), open.deadline()));
}

// False: it was not done by then. What is_done does may move give_up.
Result<bool> look_until(OpenCluster& open,
                        const Deadline& give_up,
                        const std::function<bool(const Topology&)>& is_done) {
  while (!give_up.has_passed(open.loop().now())) {
    if (Interrupt::has_come()) return unavailable("interrupted; what was asked for goes on");
    DORSAL_TRY(const Topology topology, look(open));
    if (is_done(topology)) return true;
    (void)open.run(open.loop().sleep_until(open.loop().after(kLookEvery)));
  }
  return false;
}

// Gives up when nothing has changed about the node for some minutes.
Result<void> wait_until(OpenCluster& open,
                        const NodeName& name,
                        const std::function<bool(const Topology&, const Node*)>& is_done) {
  std::string seen;
  Deadline give_up = open.loop().after(kPatience);
  DORSAL_TRY(const bool done, look_until(open, give_up, [&](const Topology& topology) {
               const Node* node = topology.find(name);
               if (is_done(topology, node)) return true;
               const std::string activity = node == nullptr ? "" : node->state.activity;
               if (activity != seen) give_up = open.loop().after(kPatience);
               seen = activity;
               return false;
             }));
  if (done) return {};
  return timeout(fmt::format("{} is not done yet: {}",
                             name.value(),
                             seen.empty() ? "it does not say why" : seen));
}

// The node, which is up and no primary.
Result<void> check(OpenCluster& open, const NodeName& name, const char* to_do) {
  DORSAL_TRY(const Topology topology, look(open));
  const Node* node = topology.find(name);
  if (node == nullptr) return not_found(fmt::format("there is no node {}", name.value()));
  if (topology.leadership.primary == name) {
    return conflict(
        fmt::format("{} is the primary; make another one that first, with 'dorsal "
                    "switchover', and {} it then",
                    name.value(),
                    to_do));
  }
  return {};
}

// As a whole member: whoever restarts one node after the other must not take away the only ones
// that acknowledge writes.
bool serves(const Topology& topology, const Node& node) {
  const bool acknowledges = node.state.semi_sync || !topology.is_voter(node.member.name);
  return node.state.healthy && node.state.role == Role::Replica && acknowledges;
}

// What was asked of a replica is not done while that leads, which nobody could foresee.
Result<void> wait_for_replica(OpenCluster& open,
                              const NodeName& name,
                              const std::function<bool(const Topology&, const Node*)>& is_done) {
  bool leads = false;
  DORSAL_TRY_VOID(wait_until(open, name, [&](const Topology& now, const Node* node) {
    if (is_done(now, node)) return true;
    leads = now.leadership.primary == name;
    return leads;
  }));
  if (!leads) return {};
  return conflict(
      fmt::format("{} has become the primary meanwhile; what was asked of it is done as soon as "
                  "another one leads: dorsal switchover",
                  name.value()));
}

Result<void> ask_and_wait(OpenCluster& open,
                          const NodeName& name,
                          const char* to_do,
                          std::int64_t Member::*asked_ms,
                          std::int64_t cluster::NodeState::*done_ms) {
  DORSAL_TRY_VOID(check(open, name, to_do));
  DORSAL_TRY(const Topology topology, look(open));
  if (topology.find(name)->state.role == Role::Down) {
    return conflict(fmt::format("{} is down, so it cannot be asked", name.value()));
  }
  DORSAL_TRY(const std::int64_t stamp, ask(open, name, asked_ms));
  open.note(to_do, name.value(), topology.leadership.term);
  return wait_for_replica(open, name, [=](const Topology& now, const Node* node) {
    if (node == nullptr) return true;
    const bool is_whole = serves(now, *node) || now.leadership.primary == name;
    return node->state.*done_ms >= stamp && is_whole;
  });
}

// No matter whether they ever are.
Result<void> wait_until_close(OpenCluster& open, const NodeName& spared) {
  const Deadline give_up = open.loop().after(kClosenessLimit);
  const auto are_close = [&](const Topology& topology) {
    return std::ranges::all_of(topology.nodes, [&](const Node& node) {
      return node.member.name == spared || node.state.lag_ms.value_or(0) <= kClose_ms;
    });
  };
  DORSAL_TRY_VOID(look_until(open, give_up, are_close));
  return {};
}

}  // namespace

Result<void> wait_until_bearable(OpenCluster& open, const NodeName& spared) {
  DORSAL_TRY(const Topology topology, look(open));
  for (const Node& each : topology.nodes) {
    const NodeName& name = each.member.name;
    DORSAL_TRY_VOID(wait_until(open, name, [&](const Topology& now, const Node* node) {
      return node == nullptr || now.leadership.primary == name || serves(now, *node);
    }));
  }
  return wait_until_close(open, spared);
}

Result<void> restart_member(OpenCluster& open, const NodeName& name) {
  return ask_and_wait(open,
                      name,
                      "restart",
                      &Member::restart_asked_ms,
                      &cluster::NodeState::restarted_ms);
}

Result<void> rebuild_member(OpenCluster& open, const NodeName& name) {
  return ask_and_wait(open,
                      name,
                      "rebuild",
                      &Member::rebuild_asked_ms,
                      &cluster::NodeState::rebuilt_ms);
}

Result<void> remove_member(OpenCluster& open, const NodeName& name, bool is_gone) {
  DORSAL_TRY(const Topology topology, look(open));
  DORSAL_TRY_VOID(failover::check_removal(topology, name, is_gone));
  DORSAL_TRY_VOID(ask(open, name, &Member::removal_asked_ms));
  open.note("remove", name.value() + (is_gone ? ", which is gone" : ""), topology.leadership.term);
  if (is_gone) {
    DORSAL_TRY_VOID(
        open.change_leadership([&](const Topology&, cluster::Leadership& next) -> Result<bool> {
          return failover::write_off_vote(next, name);
        }));
  }
  return wait_for_replica(open, name, [](const Topology&, const Node* node) {
    return node == nullptr;
  });
}

}  // namespace dorsal::app
