// What goes wrong, at random moments and for random lengths.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "world.h"

namespace dorsal::sim {
namespace {

// Switchovers twice as often as others, since most are refused.
constexpr Fault kMix[] = {
    Fault::Server,       Fault::Agent,        Fault::Hang,   Fault::Freeze,      Fault::Host,
    Fault::CutOff,       Fault::Mute,         Fault::Deaf,   Fault::Replication, Fault::Flap,
    Fault::CutFromStore, Fault::CutFromOther, Fault::Slow,   Fault::Disk,        Fault::Applier,
    Fault::Strays,       Fault::Purge,        Fault::Data,   Fault::Switchover,  Fault::Switchover,
    Fault::Store,        Fault::Restart,      Fault::Clock,  Fault::Power,       Fault::PowerOfAll,
    Fault::Failover,     Fault::Pause,        Fault::Removal};

constexpr std::uint64_t kUnsynced = 100;  // transactions at most, where nobody syncs each

}  // namespace

void World::schedule_faults(TimePoint end) {
  clock_.after(Milliseconds(random_.between(50, 4000)), [this, end] {
    if (clock_.now() >= end) return;
    fault();
    schedule_faults(end);
  });
}

Fault World::choose_fault() {
  const std::span<const Fault> mix =
      plan_.only.empty() ? std::span<const Fault>(kMix) : std::span<const Fault>(plan_.only);
  return mix[random_.below(mix.size())];
}

void World::fault() {
  if (plan_.store_is_restored) snapshots_.push_back(store_.topology);
  if (plan_.store_is_restored && random_.one_in(6)) return restore_store();
  if (plan_.protection_changes && random_.one_in(5)) return ask_for_any_protection();
  const NodeId id = random_.below(nodes_.size());
  const Duration length = Milliseconds(random_.between(50, 20'000));
  const std::string name = name_of(id).value();
  switch (choose_fault()) {
    case Fault::Failover:
      return ask_for_failover(id);
    case Fault::Protection:
      return ask_for_any_protection();
    case Fault::PowerOfAll:
      if (random_.one_in(3)) return lose_power_of_all();
      [[fallthrough]];
    case Fault::Power:
      return lose_power(id, length);
    case Fault::Clock:
      return let_clock_jump(id);
    case Fault::Restart:
      return ask_for_restart(id);
    case Fault::Store:
      return lose_store(length);
    case Fault::Switchover:
      return ask_for_switchover(id);
    case Fault::Data:
      return lose_data(id);
    case Fault::Server:
      note(name + ": mysqld is killed");
      return crash_server(id, "mysqld was killed by signal 9");
    case Fault::Agent:
      note(name + ": the agent is killed");
      kill_agent(id);
      return start_agent_after(id, length);
    case Fault::Hang:
      note(name + ": mysqld hangs");
      return hang(id, length);
    case Fault::Freeze:
      note(name + ": the agent is frozen");
      return freeze(id, length);
    case Fault::CutOff:
      note(name + " is cut off");
      return cut_off(id, length);
    case Fault::Deaf:
      note(name + " hears nothing");
      for (NodeId other = 0; other <= kStore; ++other) cut(other, id, false, length);
      return;
    case Fault::Replication:
      return cut_from_replication(id, length);
    case Fault::Flap:
      note(name + " is cut off again and again");
      for (const int at_ms : {0, 5000, 10'000, 15'000}) {
        clock_.after(Milliseconds(at_ms), [this, id] {
          if (has_faults_) cut_off(id, Milliseconds(2500));
        });
      }
      return;
    case Fault::Disk:
      return break_disk(id, length);
    case Fault::Applier:
      return hold_up_applier(id, length);
    case Fault::Strays:
      return write_strays(id);
    case Fault::Purge:
      return purge_binlogs(id);
    case Fault::Pause:
      return ask_for_pause(length);
    case Fault::Removal:
      return ask_for_removal(id);
    case Fault::Host:
      note(name + ": all stands still");
      hang(id, length);
      return freeze(id, length);
    case Fault::Mute:
      note(name + " cannot be heard");
      for (NodeId other = 0; other <= kStore; ++other) cut(id, other, false, length);
      return;
    case Fault::CutFromStore:
      note(name + " is cut off from the store");
      return cut(id, kStore, true, length);
    case Fault::CutFromOther: {
      const NodeId other = random_.below(nodes_.size());
      note(fmt::format("{} and {} are cut off from each other", name, name_of(other).value()));
      return cut(id, other, true, length);
    }
    case Fault::Slow:
      note("the network of " + name + " is slow");
      slow_.insert(id);
      clock_.after(length / 4, [this, id] { slow_.erase(id); });
  }
}

void World::start_agent_after(NodeId id, Duration delay) {
  clock_.after(delay, [this, id] {
    if (!node(id).agent.runs) start_agent(id);
  });
}

void World::lose_power(NodeId id, Duration length) {
  note(name_of(id).value() + " loses power");
  kill_agent(id);
  Server& server = node(id).server;
  server.lose_newest_of_relay(server.unsynced());
  if (plan_.flaws.relay_log_is_not_synced) server.lose_newest_of_relay(random_.below(kUnsynced));
  start_agent_after(id, length);
}

// They come back one by one, the store among them; it has all that was written to it.
void World::lose_power_of_all() {
  note("everything loses power");
  const auto until_it_is_back = [this] { return Milliseconds(random_.between(50, 20'000)); };
  for (NodeId id = 0; id < nodes_.size(); ++id) lose_power(id, until_it_is_back());
  const Duration length = until_it_is_back();
  for (NodeId id = 0; id < nodes_.size(); ++id) cut(id, kStore, true, length);
}

// Every step of an election, a switchover or a rebuilding may be somebody's last.
void World::strike_after_step(NodeId id) {
  if (!has_faults_ || !random_.one_in(100)) return;
  const Duration length = Milliseconds(random_.between(50, 20'000));
  clock_.after(Milliseconds(random_.between(0, 20)), [this, id, length] {
    switch (random_.below(4)) {
      case 0:
        note(name_of(id).value() + ": mysqld is killed at this step");
        return crash_server(id, "mysqld was killed by signal 9");
      case 1:
        note(name_of(id).value() + ": the agent is frozen at this step");
        return freeze(id, length);
      case 2:
        note(name_of(id).value() + " is cut off at this step");
        return cut_off(id, length);
      default:
        return lose_power(id, length);
    }
  });
}

void World::lose_store(Duration length) {
  const bool is_all = random_.one_in(2);
  note(is_all ? "the store is out of reach for all" : "the store is out of reach for some");
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (is_all || random_.one_in(2)) cut(id, kStore, true, length);
  }
}

// Those who knew what it has forgotten do not believe it, until they are started anew.
void World::restore_store() {
  note("the store is put back to what it once was");
  store_.topology = snapshots_[random_.below(snapshots_.size())];
  ++store_.leadership_revision;
  ++store_.life;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    const cluster::Node* own = stored(id);
    if (own != nullptr && own->member.removal_asked_ms != 0) add_again(id);
    clock_.after(Milliseconds(random_.between(0, 5000)), [this, id, life = store_.life] {
      if (node(id).agent.store_life == life) return;
      kill_agent(id);
      start_agent_after(id, Milliseconds(random_.between(50, 3000)));
    });
  }
}

void World::lose_data(NodeId id) {
  if (store_.topology.leadership.unprotected) return;
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
  node(id).remembered = {};
}

void World::break_disk(NodeId id, Duration length) {
  note(name_of(id).value() + ": nothing can be written to its disk");
  node(id).server.disk_is_broken = true;
  end_after(node(id).disk_broken_until, length, [this, id] {
    node(id).server.disk_is_broken = false;
  });
}

void World::cut_from_replication(NodeId id, Duration length) {
  note(name_of(id).value() + " is cut off from replication");
  prolong(node(id).replication_cut_until, length);
}

void World::hold_up_applier(NodeId id, Duration length) {
  if (random_.one_in(2)) {
    note(name_of(id).value() + ": somebody stops the applier");
    node(id).server.applier_runs = false;
  } else {
    note(name_of(id).value() + ": a lock holds up the applier");
    prolong(node(id).applier_held_until, length);
  }
}

// Not where another's data is gone: who has strays drops its own.
void World::write_strays(NodeId id) {
  Server& server = node(id).server;
  const bool all_have_data = std::all_of(nodes_.begin(), nodes_.end(), [](const auto& each) {
    return each->server.stage == cluster::DataStage::Member;
  });
  const bool is_replica = store_.topology.leadership.primary != name_of(id);
  const bool takes_it = server.runs && server.answers && !server.hangs && !server.disk_is_broken &&
                        !server.source_semi_sync;
  if (!all_have_data || !is_replica || !takes_it) return;
  note(name_of(id).value() + ": somebody writes to it");
  server.write_stray();
}

// In life nobody holds the cluster's data and has executed nothing at all.
void World::purge_binlogs(NodeId id) {
  const bool is_too_early = std::ranges::any_of(nodes_, [](const auto& each) {
    return each->server.stage == cluster::DataStage::Member && each->server.executed().empty();
  });
  if (is_too_early) return;
  note(name_of(id).value() + ": its binlogs are purged");
  node(id).server.purge();
}

// Until it jumps again, or for ever.
void World::let_clock_jump(NodeId id) {
  constexpr std::int64_t kHour_ms = 3'600'000;
  auto& error_ms = node(id).clock_error_ms;
  error_ms = random_.one_in(3) ? 0 : random_.between(-kHour_ms, kHour_ms);
  note(fmt::format("{}: its wall clock is {} ms ahead from now on", name_of(id).value(), error_ms));
}

void World::cut_off(NodeId id, Duration length) {
  for (NodeId other = 0; other <= kStore; ++other) cut(id, other, true, length);
}

void World::cut(NodeId one, NodeId other, bool both_ways, Duration length) {
  if (one == other) return;
  prolong(cuts_[{one, other}], length);
  if (both_ways) prolong(cuts_[{other, one}], length);
}

void World::prolong(TimePoint& until, Duration length) {
  until = std::max(until, clock_.now() + length);
}

void World::end_after(TimePoint& until, Duration length, std::function<void()> end) {
  prolong(until, length);
  clock_.after(length, [this, &until, end = std::move(end)] {
    if (clock_.now() >= until) end();
  });
}

void World::hang(NodeId id, Duration length) {
  node(id).server.hangs = true;
  end_after(node(id).hangs_until, length, [this, id] { node(id).server.hangs = false; });
}

void World::freeze(NodeId id, Duration length) {
  node(id).agent.is_frozen = true;
  end_after(node(id).frozen_until, length, [this, id] { thaw(id); });
}

void World::thaw(NodeId id) {
  Agent& agent = node(id).agent;
  agent.is_frozen = false;
  for (auto& action : std::exchange(agent.held, {}))
    clock_.after(Milliseconds(0), std::move(action));
}

void World::heal_all() {
  note("all faults are over");
  has_faults_ = false;
  if (plan_.protection_changes) ask_for_protection(cluster::Mode::SemiSync, plan_.acks);
  cuts_.clear();
  slow_.clear();
  store_.topology.pause.reset();
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    node(id).server.hangs = node(id).server.disk_is_broken = false;
    node(id).applier_held_until = node(id).replication_cut_until = clock_.now();
    thaw(id);
    if (!node(id).agent.runs) start_agent(id);
  }
}

}  // namespace dorsal::sim
