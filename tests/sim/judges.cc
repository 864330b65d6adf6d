// Whether a run went well: after each event, and in the end.
#include <fmt/format.h>

#include <algorithm>

#include "world.h"

namespace dorsal::sim {

using failover::Step;
using failover::View;

void World::opened(NodeId id, cluster::Term term) {
  note(fmt::format("{} takes writes in term {}", name_of(id).value(), term.value()));
  if (!newest_ || term > newest_->second) newest_ = {id, term};
  for (NodeId other = 0; other < nodes_.size(); ++other) check_lease(other, id);
  for (const Transaction& each : acknowledged_) {
    if (node(id).server.has(each)) continue;
    return violate(fmt::format("{} takes writes in term {} and lacks {}:{}, which was acknowledged",
                               name_of(id).value(),
                               term.value(),
                               each.origin,
                               each.number));
  }
}

void World::check_lease(NodeId other, NodeId opened) {
  const Agent& agent = node(other).agent;
  const Server& server = node(other).server;
  if (other == opened || !agent.lease || !agent.runs || !server.runs || !server.writable) return;
  const TimePoint end = agent.lease->sent + policy_.lease_ttl - policy_.lease_margin();
  if (clock_.now() >= end) return;
  violate(fmt::format("{} takes writes while the lease of {} runs",
                      name_of(opened).value(),
                      name_of(other).value()));
}

void World::note_nodes() {
  for (const auto& [name, vote] : store_.topology.leadership.votes) {
    note(fmt::format("vote of {}: {}, needed {}",
                     name.value(),
                     cluster::to_string(vote.state),
                     vote.needed.value_or("?")));
  }
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    const auto& promise = stored(id).promise;
    note(fmt::format("{} has {}, promised term {}: {}",
                     name_of(id).value(),
                     node(id).server.executed().to_string(),
                     promise ? promise->term.value() : 0,
                     promise ? promise->received : ""));
  }
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    const Step step = decide(view_of(id));
    note(fmt::format("{}: {} {}", name_of(id).value(), step.rule, step.activity));
  }
}

std::string World::what_is_wrong() {
  if (!newest_) return "nobody ever took writes";
  const NodeId primary = id_of(store_.topology.leadership.primary);
  const Server& server = node(primary).server;
  if (!server.runs || !server.writable) {
    return fmt::format("{} leads and takes no writes at the end", name_of(primary).value());
  }
  const auto& switchover = store_.topology.leadership.switchover;
  if (switchover && switchover->is_under_way()) return "a switchover has not ended";
  if (last_write_is_old(server)) return "no write is acknowledged at the end";
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    std::string wrong = what_is_wrong_with(id, primary);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string World::what_is_wrong_with(NodeId id, NodeId primary) {
  const std::string name = name_of(id).value();
  const View view = view_of(id);
  if (!failover::is_healthy(view, policy_)) {
    const Step step = decide(view);
    return fmt::format("{} is not well at the end: {} {}", name, step.rule, step.activity);
  }
  mysql::GtidSet surplus = node(id).server.executed();
  surplus.subtract(node(primary).server.executed());
  surplus.subtract(node(primary).server.in_flight());
  if (id != primary && !surplus.empty()) {
    return fmt::format("{} has what {} never had", name, name_of(primary).value());
  }
  // What was acknowledged in the last moments may be on its way.
  const std::size_t settled =
      acknowledged_.size() - std::min<std::size_t>(acknowledged_.size(), 50);
  for (std::size_t i = 0; i < settled; ++i) {
    if (!node(id).server.has(acknowledged_[i])) {
      return fmt::format("{} lacks what was acknowledged", name);
    }
  }
  return {};
}

void World::await_end(int times_well, std::size_t acknowledged_before) {
  clock_.after(Milliseconds(2000), [this, times_well, acknowledged_before] {
    const std::size_t acknowledged = acknowledged_.size();
    const bool is_well = acknowledged > acknowledged_before && what_is_wrong().empty();
    is_over_ = is_well && times_well == 2;
    await_end(is_well ? times_well + 1 : 0, acknowledged);
  });
}

}  // namespace dorsal::sim
