#include "core/failover/questions.h"

#include <algorithm>
#include <utility>

#include "core/failover/election.h"
#include "core/failover/old_store.h"

namespace dorsal::failover {

using cluster::Node;
using cluster::Role;

namespace {

// What came from the server of this UUID, or what did not.
mysql::GtidSet by_source(const mysql::GtidSet& set, const mysql::Uuid& uuid, bool wanted) {
  mysql::GtidSet chosen;
  for (const mysql::GtidMember& member : set.members()) {
    if ((member.source.uuid == uuid) != wanted) continue;
    for (const mysql::GtidInterval& interval : member.intervals) {
      chosen.add(member.source.uuid, member.source.tag, interval.first, interval.last);
    }
  }
  return chosen;
}

mysql::GtidSet without_source(const mysql::GtidSet& set, const std::string& uuid_text) {
  const auto uuid = mysql::parse_uuid(uuid_text);
  return uuid ? by_source(set, *uuid, false) : set;
}

mysql::GtidSet only_source(const mysql::GtidSet& set, const std::string& uuid_text) {
  const auto uuid = mysql::parse_uuid(uuid_text);
  return uuid ? by_source(set, *uuid, true) : mysql::GtidSet();
}

// As the primary sees it: what a node has said is older than what the primary has now. A voter says
// itself when it is left behind: what is purged it may have received, and not have applied yet.
bool has_useless_data(const View& view, const Node& node) {
  auto position = position_of(node);
  const bool has_data = position && !position->empty();
  if (!view.server.facts || node.member.name == view.self) return false;
  if (node.state.useless) return true;
  if (!has_data) return false;
  const cluster::ServerFacts& facts = *view.server.facts;
  if (!view.topology.is_voter(node.member.name) && !position->contains(facts.purged)) return true;
  position->subtract(facts.executed);
  position->subtract(facts.in_flight);
  return !position->empty();
}

bool can_be_donor(const View& view, const Node& node, Role role) {
  return node.member.name != view.self && node.member.joined && node.state.role == role;
}

}  // namespace

const cluster::Member* own_member(const View& view) {
  const Node* node = view.topology.find(view.self);
  return node == nullptr ? nullptr : &node->member;
}

bool is_recorded_primary(const View& view) {
  return view.topology.leadership.term.value() > 0 && view.topology.leadership.primary == view.self;
}

bool is_resting(const View& view, Action action) {
  return std::find(view.resting.begin(), view.resting.end(), action) != view.resting.end();
}

bool anyone_has_joined(const View& view) {
  const auto& nodes = view.topology.nodes;
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& node) {
    return node.member.joined;
  });
}

std::size_t joined_replicas(const View& view) {
  std::size_t count = 0;
  for (const Node& node : view.topology.nodes) {
    if (node.member.name == view.topology.leadership.primary) continue;
    if (node.member.joined && may_vote(node)) ++count;
  }
  return count;
}

bool may_vote(const Node& node) {
  return node.state.priority > 0 && node.member.removal_asked_ms == 0;
}

bool may_vote(const View& view) {
  const Node* own = view.topology.find(view.self);
  return own != nullptr && may_vote(*own);
}

bool has_left_for_good(const View& view) {
  // An old store may have forgotten that it was added again.
  if (is_after_restore(view)) return false;
  const cluster::Member* own = own_member(view);
  return own != nullptr && own->removal_asked_ms != 0 && own_vote(view) == nullptr &&
         !is_recorded_primary(view);
}

bool is_voter(const View& view) { return view.topology.is_voter(view.self); }

bool enough_voters(const View& view,
                   const cluster::NodeName& left_out,
                   const std::function<bool(const Node&)>& predicate) {
  return !acks_are_required(view) ||
         count_voters(view, left_out, predicate) >= view.topology.acks_in_force();
}

std::size_t count_voters(const View& view,
                         const cluster::NodeName& left_out,
                         const std::function<bool(const Node&)>& predicate) {
  return static_cast<std::size_t>(std::ranges::count_if(view.topology.nodes, [&](const Node& node) {
    const cluster::NodeName& name = node.member.name;
    if (name == left_out || name == view.topology.leadership.primary) return false;
    return view.topology.is_voter(name) && predicate(node);
  }));
}

bool has_executed(const Node& node, const mysql::GtidSet& transactions) {
  const auto position = mysql::parse_gtid_set(node.state.gtid_executed);
  return position && position->contains(transactions);
}

const cluster::Vote* own_vote(const View& view) { return view.topology.vote_of(view.self); }

bool acks_are_required(const View& view) {
  const Node* primary = view.topology.primary();
  const bool is_over = !view.topology.charter.wants_acks() && view.topology.leadership.unprotected;
  return primary != nullptr && view.topology.vote_of(primary->member.name) != nullptr && !is_over;
}

bool writes_wait_for_acks(const View& view) {
  const bool may_go_on = view.topology.charter.mode != cluster::Mode::SemiSync;
  return acks_are_required(view) && !(may_go_on && view.topology.leadership.unprotected);
}

bool requires_acks(const View& view) {
  const auto& facts = *view.server.facts;
  return facts.source_semi_sync && facts.required_acks == view.topology.acks_to_require();
}

bool writes_are_protected(const View& view) {
  return acks_are_required(view) && !view.topology.leadership.unprotected;
}

bool acks_are_possible(const View& view) {
  return view.topology.charter.wants_acks() &&
         joined_replicas(view) >= view.topology.acks_to_require();
}

bool is_being_made(const Node& node) {
  return !node.member.joined && node.state.role != Role::Down;
}

std::size_t replicas_that_could_acknowledge(const View& view) {
  const auto& nodes = view.topology.nodes;
  return static_cast<std::size_t>(std::count_if(nodes.begin(), nodes.end(), [&](const Node& node) {
    const cluster::Vote* vote = view.topology.vote_of(node.member.name);
    const bool is_replica = node.member.joined && node.member.name != view.self;
    // Whoever has joined and is up takes a vote at once.
    const bool has_vote = vote == nullptr ? node.state.role == Role::Replica
                                          : vote->state == cluster::Vote::State::Counts;
    return is_replica && may_vote(node) && has_vote && !has_useless_data(view, node);
  }));
}

bool lacks_replicas_for_acks(const View& view) {
  if (!is_recorded_primary(view) || !writes_wait_for_acks(view)) return false;
  if (replicas_that_could_acknowledge(view) >= view.topology.acks_to_require()) return false;
  bool waits_any = false;
  for (const Node& node : view.topology.nodes) {
    const bool is_useless = has_useless_data(view, node);
    if (is_being_made(node) && !is_useless) return true;
    waits_any = waits_any || (is_useless && node.state.role != Role::Down);
  }
  // Useless data is dropped only beside a primary at work.
  return !acks_are_possible(view) && !waits_any;
}

std::optional<mysql::GtidSet> position_of(const Node& node) {
  if (node.state.server_uuid.empty()) return std::nullopt;
  auto set = mysql::parse_gtid_set(node.state.gtid_executed);
  if (!set) return std::nullopt;
  return *std::move(set);
}

std::optional<mysql::GtidSet> primary_position(const View& view) {
  const Node* primary = view.topology.primary();
  if (primary == nullptr) return std::nullopt;
  auto position = position_of(*primary);
  // What it was elected with is newer than what it last said as a replica.
  const auto& elected_with = view.topology.leadership.elected_with;
  if (position && elected_with) {
    const auto set = mysql::parse_gtid_set(*elected_with);
    if (!set) return std::nullopt;
    position->unite(*set);
  }
  return position;
}

mysql::GtidSet strays(const View& view) {
  const Node* primary = view.topology.primary();
  const auto known = primary_position(view);
  if (!view.server.facts || is_recorded_primary(view)) return {};
  if (!known) {
    // Before the first election nobody but the first primary ever led.
    const bool only_one_led = !view.topology.leadership.elected_with;
    return only_one_led ? only_source(received(view), view.server.facts->uuid) : mysql::GtidSet();
  }
  mysql::GtidSet surplus = received(view);
  surplus.subtract(*known);
  if (view.settled) {
    mysql::GtidSet own = only_source(surplus, view.server.facts->uuid);
    surplus.intersect(*view.settled);
    surplus.unite(own);
  }
  return without_source(surplus, primary->state.server_uuid);
}

bool is_left_behind(const View& view) {
  const Node* primary = view.topology.primary();
  if (primary == nullptr || !view.server.facts || is_recorded_primary(view)) return false;
  const auto purged = mysql::parse_gtid_set(primary->state.gtid_purged);
  return purged && !received(view).contains(*purged);
}

std::string reason_to_rebuild(const View& view, const Policy& policy) {
  if (!strays(view).empty()) return "it has stray transactions";
  if (own_member(view)->rebuild_asked_ms > view.rebuilt_ms) return "an operator asked for it";
  const bool is_broken = view.broken_since && view.now - *view.broken_since >= policy.broken_after;
  if (is_broken) return "its replication has stopped with an error";
  return is_left_behind(view) ? "its primary has purged the binlogs that it needs" : std::string();
}

std::optional<mysql::GtidSet> owed_by_primary(const View& view, const Node& node) {
  auto held = position_of(node);
  const Node* primary = view.topology.primary();
  if (!held || primary == nullptr) return held;
  if (view.topology.leadership.elected_with) {
    return only_source(*held, primary->state.server_uuid);
  }
  // What it wrote itself are strays: before the first election nobody else ever led.
  return &node == primary ? held : without_source(*held, node.state.server_uuid);
}

std::optional<Missing> missing_here(const View& view) {
  const auto& leadership = view.topology.leadership;
  const mysql::GtidSet& executed = view.server.facts->executed;
  if (leadership.elected_with) {
    auto promised = mysql::parse_gtid_set(*leadership.elected_with);
    if (promised) promised->subtract(executed);
    if (promised && !promised->empty()) return Missing{leadership.primary, *std::move(promised)};
  }
  const bool required = acks_are_required(view);
  for (const Node& node : view.topology.nodes) {
    const bool has_vote = view.topology.vote_of(node.member.name) != nullptr;
    if (node.member.name == view.self || (required ? !has_vote : !node.member.joined)) continue;
    auto held = owed_by_primary(view, node);
    if (!held) continue;
    held->subtract(executed);
    if (!held->empty()) return Missing{node.member.name, *std::move(held)};
  }
  return std::nullopt;
}

bool follows_primary(const View& view) {
  const Node* primary = view.topology.primary();
  const auto& following = view.server.facts->following;
  if (primary == nullptr || !following) return false;
  const std::string source = following->host.find(':') == std::string::npos
                                 ? following->host + ":" + std::to_string(following->port)
                                 : "[" + following->host + "]:" + std::to_string(following->port);
  return following->is_as_we_configure && source == primary->member.address;
}

bool storage_is_broken(const View& view, const Policy& policy) {
  return view.storage_since && view.now - *view.storage_since >= policy.storage_patience;
}

bool door_is_closed(const View& view, const Policy& policy) {
  return view.closed_since && view.now - *view.closed_since >= policy.door_patience;
}

bool could_serve(const View& view, const Policy& policy) {
  return !storage_is_broken(view, policy) && !door_is_closed(view, policy);
}

bool all_retrieved_is_applied(const View& view) {
  const auto& facts = *view.server.facts;
  return !facts.following || facts.executed.contains(facts.following->retrieved);
}

std::optional<cluster::NodeName> choose_donor(const View& view) {
  const Node* primary = view.topology.primary();
  for (const Node& node : view.topology.nodes) {
    if (node.state.healthy && can_be_donor(view, node, Role::Replica)) return node.member.name;
  }
  if (primary != nullptr && can_be_donor(view, *primary, Role::Primary)) {
    return primary->member.name;
  }
  return std::nullopt;
}

std::string shorten(const mysql::GtidSet& set) {
  constexpr std::size_t kLongest = 200;
  std::string text = set.to_string();
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "…";
  return text;
}

Step keep(std::string activity) {
  Step step;
  step.activity = std::move(activity);
  return step;
}

Step act(Action action, std::string activity) {
  Step step = keep(std::move(activity));
  step.action = action;
  return step;
}

Step await(mysql::GtidSet transactions, const View& view, std::string activity) {
  if (is_resting(view, Action::AwaitApplier)) return keep(std::move(activity));
  Step step = act(Action::AwaitApplier, std::move(activity));
  step.awaited = std::move(transactions);
  return step;
}

Step change_own_vote(const View& view, cluster::Vote::State state, std::string activity) {
  Step step = act(Action::ChangeVotes, std::move(activity));
  step.votes = view.topology.leadership.votes;
  (*step.votes)[view.self] = cluster::Vote{state, {}};
  return step;
}

Step require_acks(const View& view, std::string activity) {
  Step step = act(Action::RequireAcks, std::move(activity));
  step.acks = view.topology.acks_to_require();
  return step;
}

Step update_member(cluster::Member member, std::string activity) {
  Step step = act(Action::UpdateMember, std::move(activity));
  step.member = std::move(member);
  return step;
}

}  // namespace dorsal::failover
