// What goes wrong, at random moments and for random lengths.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "world.h"

namespace dorsal::sim {

void World::schedule_faults(TimePoint end) {
  clock_.after(Milliseconds(random_.between(50, 4000)), [this, end] {
    if (clock_.now() >= end) return;
    fault();
    schedule_faults(end);
  });
}

void World::fault() {
  const NodeId id = random_.below(nodes_.size());
  const Duration length = Milliseconds(random_.between(50, 20'000));
  const std::string name = name_of(id).value();
  switch (random_.below(14)) {
    case 13:
      note(name + " is to be started anew");
      stored(id).member.restart_asked_ms = clock_.wall_ms();
      return;
    case 12:
      note("the store is out of reach for all");
      for (NodeId other = 0; other < kStore; ++other) cut(other, kStore, true, length);
      return;
    case 10:
    case 11:
      return ask_for_switchover(id);
    case 9:
      return lose_data(id);
    case 0:
      note(name + ": mysqld is killed");
      return crash_server(id, "mysqld was killed by signal 9");
    case 1:
      note(name + ": the agent is killed");
      kill_agent(id);
      clock_.after(length, [this, id] {
        if (!node(id).agent.runs) start_agent(id);
      });
      return;
    case 2:
      note(name + ": mysqld hangs");
      node(id).server.hangs = true;
      clock_.after(length, [this, id] { node(id).server.hangs = false; });
      return;
    case 3:
      note(name + ": the agent is frozen");
      node(id).agent.is_frozen = true;
      clock_.after(length, [this, id] { thaw(id); });
      return;
    case 4:
      note(name + " is cut off");
      for (NodeId other = 0; other <= kStore; ++other) cut(id, other, true, length);
      return;
    case 5:
      note(name + " cannot be heard");
      for (NodeId other = 0; other <= kStore; ++other) cut(id, other, false, length);
      return;
    case 6:
      note(name + " is cut off from the store");
      return cut(id, kStore, true, length);
    case 7: {
      const NodeId other = random_.below(nodes_.size());
      note(fmt::format("{} and {} are cut off from each other", name, name_of(other).value()));
      return cut(id, other, true, length);
    }
    default:
      note("the network of " + name + " is slow");
      slow_.insert(id);
      clock_.after(length / 4, [this, id] { slow_.erase(id); });
  }
}

void World::lose_data(NodeId id) {
  for (NodeId other = 0; other < nodes_.size(); ++other) {
    const Server& server = node(other).server;
    const bool has_all = std::all_of(acknowledged_.begin(),
                                     acknowledged_.end(),
                                     [&](const Transaction& each) { return server.has(each); });
    const bool is_whole = has_all && store_.topology.is_voter(name_of(other)) &&
                          failover::is_healthy(view_of(other), policy_);
    if (!is_whole) return;
  }
  note(name_of(id).value() + ": its data is gone");
  crash_server(id, "mysqld was killed");
  node(id).server.lose_data();
}

void World::cut(NodeId one, NodeId other, bool both_ways, Duration length) {
  if (one == other) return;
  cuts_.insert({one, other});
  if (both_ways) cuts_.insert({other, one});
  clock_.after(length, [this, one, other] {
    cuts_.erase({one, other});
    cuts_.erase({other, one});
  });
}

void World::thaw(NodeId id) {
  Agent& agent = node(id).agent;
  agent.is_frozen = false;
  for (auto& action : std::exchange(agent.held, {}))
    clock_.after(Milliseconds(0), std::move(action));
}

void World::heal_all() {
  note("all faults are over");
  cuts_.clear();
  slow_.clear();
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    node(id).server.hangs = false;
    thaw(id);
    if (!node(id).agent.runs) start_agent(id);
  }
}

}  // namespace dorsal::sim
