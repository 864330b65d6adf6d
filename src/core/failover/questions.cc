#include "core/failover/questions.h"

#include <algorithm>
#include <utility>

namespace dorsal::failover {

using cluster::Mode;
using cluster::Node;
using cluster::Role;

namespace {

// A position that cannot be read says nothing, which every rule takes as "not known".
std::optional<mysql::GtidSet> position_of(const Node& node) {
  if (node.state.server_uuid.empty()) return std::nullopt;
  auto set = mysql::parse_gtid_set(node.state.gtid_executed);
  if (!set) return std::nullopt;
  return *std::move(set);
}

// With every transaction that came from the server of this UUID taken out.
mysql::GtidSet without_source(const mysql::GtidSet& set, const std::string& uuid_text) {
  auto uuid = mysql::parse_uuid(uuid_text);
  if (!uuid) return set;
  mysql::GtidSet others;
  for (const mysql::GtidMember& member : set.members()) {
    if (member.source.uuid == *uuid) continue;
    for (const mysql::GtidInterval& interval : member.intervals) {
      others.add(member.source.uuid, member.source.tag, interval.first, interval.last);
    }
  }
  return others;
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
    if (node.member.joined && node.member.name != view.topology.leadership.primary) ++count;
  }
  return count;
}

bool acks_are_required(const View& view) {
  const Node* primary = view.topology.primary();
  return view.topology.charter.mode == Mode::SemiSync && primary != nullptr &&
         primary->member.voter;
}

bool acks_are_possible(const View& view) {
  const cluster::Charter& charter = view.topology.charter;
  return charter.mode == Mode::SemiSync && joined_replicas(view) >= charter.acks;
}

bool lacks_replicas_for_acks(const View& view) {
  return is_recorded_primary(view) && acks_are_required(view) && !acks_are_possible(view);
}

std::optional<mysql::GtidSet> primary_position(const View& view) {
  const Node* primary = view.topology.primary();
  return primary == nullptr ? std::nullopt : position_of(*primary);
}

mysql::GtidSet strays(const View& view) {
  const Node* primary = view.topology.primary();
  const auto known = primary_position(view);
  if (!known || !view.server.facts) return {};
  mysql::GtidSet surplus = view.server.facts->executed;
  surplus.subtract(*known);
  return without_source(surplus, primary->state.server_uuid);
}

std::optional<Missing> missing_here(const View& view) {
  const bool required = acks_are_required(view);
  for (const Node& node : view.topology.nodes) {
    if (node.member.name == view.self) continue;
    if (required ? !node.member.voter : !node.member.joined) continue;
    auto held = position_of(node);
    if (!held) continue;
    held->subtract(view.server.facts->executed);
    // Without acknowledgements nothing takes the word from a replica with strays of its own.
    if (!required) *held = without_source(*held, node.state.server_uuid);
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

Step update_member(cluster::Member member, std::string activity) {
  Step step = act(Action::UpdateMember, std::move(activity));
  step.member = std::move(member);
  return step;
}

}  // namespace dorsal::failover
