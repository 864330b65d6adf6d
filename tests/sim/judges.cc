// Whether a run went well: after each event, and in the end.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "core/failover/protection.h"
#include "world.h"

namespace dorsal::sim {

using failover::Step;
using failover::View;

namespace {

constexpr auto kLongest = std::chrono::hours(1);
constexpr auto kLongestWait = std::chrono::seconds(20);
constexpr auto kTakeoverLimit = std::chrono::seconds(15);

}  // namespace

std::string_view to_string(Invariant invariant) {
  switch (invariant) {
    case Invariant::Lost:
      return "lost";
    case Invariant::Late:
      return "late";
    case Invariant::TwoLeases:
      return "two leases";
    case Invariant::Unprotected:
      return "unprotected";
    case Invariant::GoesOn:
      return "goes on";
    case Invariant::Applies:
      return "applies";
    case Invariant::Healed:
      return "healed";
    case Invariant::TakenOver:
      return "taken over";
  }
  DORSAL_CHECK(false);
}

void World::opened(NodeId id, cluster::Term term) {
  note(fmt::format("{} takes writes in term {}", name_of(id).value(), term.value()));
  ++openings_;
  const bool is_newest = !newest_ || term > newest_->second;
  if (is_newest) newest_ = {id, term};
  // One that does not know of the newest term, as the store has forgotten it, may open until it
  // hears of it; but gets nothing acknowledged meanwhile that others lack (confirm()).
  if (plan_.store_is_restored && !is_newest) return;
  for (NodeId other = 0; other < nodes_.size(); ++other) check_lease(other, id);
  const auto given_up = std::erase_if(acknowledged_, [&](const Transaction& each) {
    return !node(id).server.has(each) && is_admitted(each);
  });
  outcome_.given_up += given_up;
  for (const Transaction& each : acknowledged_) {
    if (node(id).server.has(each)) continue;
    return violate(Invariant::Lost,
                   fmt::format("{} takes writes in term {} and lacks {}:{}, which was acknowledged",
                               name_of(id).value(),
                               term.value(),
                               each.origin,
                               each.number));
  }
}

void World::check_history(NodeId source) {
  for (const Transaction& each : acknowledged_) {
    if (node(source).server.has(each)) continue;
    return violate(Invariant::Lost,
                   fmt::format("{} tells a client OK and lacks {}:{}, which was acknowledged",
                               name_of(source).value(),
                               each.origin,
                               each.number));
  }
}

bool World::is_admitted(Transaction transaction) {
  mysql::GtidSet gtid;
  gtid.add(*mysql::parse_uuid(uuid_of(transaction.origin)),
           "",
           transaction.number,
           transaction.number);
  return std::any_of(admitted_.begin(), admitted_.end(), [&](const auto& each) {
    const auto& unknown = each.unknown;
    return each.lost.contains(gtid) ||
           std::any_of(unknown.begin(), unknown.end(), [&](const std::string& name) {
             return node(id_of(cluster::NodeName(name))).server.has_received(transaction);
           });
  });
}

void World::check_lease(NodeId other, NodeId opened) {
  const Agent& agent = node(other).agent;
  const Server& server = node(other).server;
  if (other == opened || !agent.lease || !agent.runs || !server.runs || !server.writable) return;
  const TimePoint end = agent.lease->sent + policy_.lease_ttl - policy_.lease_margin();
  if (boot(other) >= end) return;
  violate(Invariant::TwoLeases,
          fmt::format("{} takes writes while the lease of {} runs",
                      name_of(opened).value(),
                      name_of(other).value()));
}

// One that its agent, its server and the store have nothing to hold against.
bool World::is_at_work(NodeId id) {
  const auto& leadership = store_.topology.leadership;
  const Node& it = node(id);
  return leadership.primary == name_of(id) && !leadership.election && !leadership.handed_over &&
         it.agent.runs && !it.agent.is_frozen && it.agent.job == failover::Job::None &&
         it.server.answers && !it.server.hangs && !it.server.disk_is_broken &&
         it.server.stage == cluster::DataStage::Member && !is_cut(id, kStore) &&
         !is_cut(kStore, id) && !slow_.contains(id);
}

void World::watch_primaries() {
  clock_.after(std::chrono::seconds(1), [this] {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      TimePoint& since = node(id).told_nobody_since;
      if (!is_at_work(id)) since = clock_.now();
      if (clock_.now() - since <= kLongestWait) continue;
      note_nodes();
      violate(Invariant::GoesOn, fmt::format("{} does not go on", name_of(id).value()));
    }
    watch_primaries();
  });
}

void World::note_nodes() {
  for (const auto& [name, vote] : store_.topology.leadership.votes) {
    note(fmt::format("vote of {}: {}, needed {}",
                     name.value(),
                     cluster::to_string(vote.state),
                     vote.needed.value_or("?")));
  }
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    const cluster::Node* own = stored(id);
    const auto promise = own == nullptr ? std::nullopt : own->promise;
    note(fmt::format("{} has {}, promised term {}: {}{}; it remembers {} changes of {}",
                     name_of(id).value(),
                     node(id).server.executed().to_string(),
                     promise ? promise->term.value() : 0,
                     promise ? promise->received : "",
                     promise && !promise->may_lead ? " (may not lead)" : "",
                     node(id).remembered.changes,
                     store_.topology.leadership.changes));
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
  const cluster::Topology& topology = store_.topology;
  if (!failover::protection_is_as_asked(topology)) {
    return fmt::format("{} with {} acknowledgements does not hold at the end, {} are in force",
                       cluster::to_string(topology.charter.mode),
                       topology.charter.acks,
                       topology.acks_in_force());
  }
  if (last_write_is_old(server)) return "no write is acknowledged at the end";
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    std::string wrong = what_is_wrong_with(id, primary);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string World::what_is_wrong_with(NodeId id, NodeId primary) {
  const std::string name = name_of(id).value();
  if (stored(id) == nullptr) return name + " is no member at the end";
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
    if (is_well && times_well == 0) outcome_.healing = clock_.now() - faults_end_;
    const bool ends_well = is_well && times_well == 2;
    // Where nobody acknowledges, nobody takes over without a person.
    is_over_ = ends_well && !store_.topology.charter.wants_acks();
    if (is_over_) return;
    if (ends_well) return strike_last();
    await_end(is_well ? times_well + 1 : 0, acknowledged);
  });
}

void World::strike_last() {
  const NodeId primary = id_of(store_.topology.leadership.primary);
  const std::string name = name_of(primary).value();
  switch (random_.below(4)) {
    case 0:
      note("last, " + name + " loses power");
      kill_agent(primary);
      break;
    case 1:
      note("last, " + name + " is cut off");
      for (NodeId other = 0; other <= kStore; ++other) cut(primary, other, true, kLongest);
      break;
    case 2:
      note("last, mysqld is killed at " + name);
      crash_server(primary, "mysqld was killed by signal 9");
      break;
    default:
      note("last, mysqld hangs at " + name);
      hang(primary, kLongest);
  }
  await_takeover(openings_, clock_.now());
}

void World::await_takeover(std::uint64_t openings_before, TimePoint since) {
  clock_.after(Milliseconds(50), [this, openings_before, since] {
    outcome_.takeover = clock_.now() - since;
    is_over_ = openings_ > openings_before;
    if (is_over_) return;
    if (outcome_.takeover < kTakeoverLimit) return await_takeover(openings_before, since);
    note_nodes();
    violate(Invariant::TakenOver,
            fmt::format("nobody takes over from {}", store_.topology.leadership.primary.value()));
  });
}

}  // namespace dorsal::sim
