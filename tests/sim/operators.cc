// What people ask for, as the commands do it.
#include <fmt/format.h>

#include <algorithm>

#include "core/failover/manual_failover.h"
#include "core/failover/protection.h"
#include "core/failover/removal.h"
#include "core/failover/switchover.h"
#include "world.h"

namespace dorsal::sim {

void World::ask_for_switchover(NodeId to) {
  const std::int64_t now_ms = wall_ms(random_.below(nodes_.size()));
  const auto topology = at_first_look(store_.topology, now_ms);
  auto planned = failover::plan_switchover(topology, name_of(to), now_ms);
  if (!planned) return;
  note("a switchover to " + name_of(to).value() + " is asked for");
  planned->drain_ms = random_.between(0, 1000);
  store_.topology.leadership.switchover = *planned;
  ++store_.leadership_revision;
  wake_all();
}

// Whoever is told what is lost, and goes on, has no claim to that any more.
void World::ask_for_failover(NodeId to) {
  const std::int64_t now_ms = wall_ms(random_.below(nodes_.size()));
  const auto topology = at_first_look(store_.topology, now_ms);
  std::optional<cluster::NodeName> wish;
  if (random_.one_in(2)) wish = name_of(to);
  const bool may_lose_writes = plan_.writes_may_be_lost && !random_.one_in(4);
  auto planned = failover::plan_failover(topology, wish, "", now_ms);
  if (!planned || (!planned->obstacle.empty() && !may_lose_writes)) return;
  note(fmt::format("a fail-over to {} is asked for; lost {}, unknown {}",
                   planned->election.candidate->value(),
                   planned->lost.to_string(),
                   fmt::join(planned->unknown, ", ")));
  std::erase_if(admitted_, [&](const failover::ManualFailover& each) {
    return each.election.term == planned->election.term;
  });
  if (plan_.flaws.losses_are_not_told) {
    planned->lost = {};
    planned->unknown.clear();
  }
  if (planned->election.may_lose_writes) admitted_.push_back(*planned);
  store_.topology.leadership.election = planned->election;
  store_.topology.leadership.changes = store_.topology.next_change();
  ++store_.leadership_revision;
  wake_all();
}

void World::ask_for_failovers() {
  clock_.after(Milliseconds(random_.between(2000, 12'000)), [this] {
    if (!has_faults_) return;
    ask_for_failover(random_.below(nodes_.size()));
    ask_for_failovers();
  });
}

void World::ask_for_restart(NodeId id) {
  cluster::Node* asked = stored(id);
  if (asked == nullptr) return;
  note(name_of(id).value() + " is to be started anew");
  auto& asked_ms = asked->member.restart_asked_ms;
  asked_ms = std::max(asked_ms + 1, wall_ms(random_.below(nodes_.size())));
}

// Of a cluster that has members to spare, and not of its primary.
void World::ask_for_removal(NodeId id) {
  cluster::Node* asked = stored(id);
  const auto& topology = store_.topology;
  const bool all_are_members = topology.nodes.size() == nodes_.size() &&
                               std::ranges::all_of(topology.nodes, [](const cluster::Node& each) {
                                 return each.member.joined && each.member.removal_asked_ms == 0;
                               });
  const bool has_enough = nodes_.size() > std::size_t{store_.topology.acks_to_require()} + 1;
  if (!all_are_members || !has_enough || topology.leadership.primary == name_of(id)) return;
  const std::int64_t now_ms = wall_ms(random_.below(nodes_.size()));
  const auto seen = at_first_look(topology, now_ms);
  const bool is_down = seen.find(name_of(id))->state.role == cluster::Role::Down;
  const bool is_gone = is_down && (plan_.flaws.gone_is_guessed || !node(id).server.runs);
  if (!failover::check_removal(seen, name_of(id), is_gone)) return;
  note(name_of(id).value() + (is_gone ? " is gone" : " is to leave the cluster"));
  asked->member.removal_asked_ms = now_ms;
  if (is_gone && failover::write_off_vote(store_.topology.leadership, name_of(id))) {
    ++store_.leadership_revision;
  }
  wake_all();
  add_again(id);
}

void World::add_again(NodeId id) {
  clock_.after(Milliseconds(random_.between(1000, 6000)), [this, id] {
    if (stored(id) != nullptr) return add_again(id);
    note(name_of(id).value() + " becomes a member again");
    kill_agent(id);
    node(id).server.lose_data();
    node(id).remembered = {};
    start_agent(id);
  });
}

void World::ask_for_protection(cluster::Mode mode, std::uint32_t acks) {
  auto& [charter, pause, leadership, nodes] = store_.topology;
  if (!failover::check_protection(store_.topology, mode, acks)) return;
  note(fmt::format("{} with {} acknowledgements is asked for", cluster::to_string(mode), acks));
  if (leadership.acks == 0) {
    leadership.acks = charter.acks;
    ++store_.leadership_revision;
  }
  charter.mode = mode;
  charter.acks = acks;
  wake_all();
}

void World::ask_for_any_protection() {
  using cluster::Mode;
  constexpr Mode kModes[] = {Mode::SemiSync, Mode::SemiSync, Mode::Available, Mode::Async};
  const Mode mode = kModes[random_.below(std::size(kModes))];
  ask_for_protection(mode, random_.one_in(2) ? 1 : 2);
}

void World::ask_for_pause(Duration length) {
  note("no fail-over by itself for a while");
  store_.topology.pause = cluster::Pause{};
  wake_all();
  clock_.after(length, [this] {
    store_.topology.pause.reset();
    wake_all();
  });
}

}  // namespace dorsal::sim
