#include "core/cluster/topology.h"

#include <fmt/format.h>

#include <algorithm>

namespace dorsal::cluster {

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::SemiSync:
      return "semi-sync";
    case Mode::Available:
      return "available";
    case Mode::Async:
      return "async";
  }
  return "unknown";
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::Primary:
      return "primary";
    case Role::Replica:
      return "replica";
    case Role::Joining:
      return "joining";
    case Role::Down:
      return "down";
  }
  return "unknown";
}

std::string_view to_string(Vote::State state) {
  switch (state) {
    case Vote::State::Counts:
      return "counts";
    case Vote::State::Leaving:
      return "leaving";
    case Vote::State::Withdrawn:
      return "withdrawn";
    case Vote::State::Lost:
      return "lost";
  }
  return "unknown";
}

Result<Vote::State> parse_vote_state(std::string_view text) {
  using State = Vote::State;
  for (auto state : {State::Counts, State::Leaving, State::Withdrawn, State::Lost}) {
    if (text == to_string(state)) return state;
  }
  return invalid(fmt::format("vote '{}' is not one of counts, leaving, withdrawn, lost", text));
}

Result<Mode> parse_mode(std::string_view text) {
  for (Mode mode : {Mode::SemiSync, Mode::Available, Mode::Async}) {
    if (text == to_string(mode)) return mode;
  }
  if (text == "strict") return Mode::SemiSync;  // as opposed to available
  return invalid(fmt::format("mode '{}' is not one of semi-sync, available, async", text));
}

Result<Role> parse_role(std::string_view text) {
  for (Role role : {Role::Primary, Role::Replica, Role::Joining, Role::Down}) {
    if (text == to_string(role)) return role;
  }
  return invalid(fmt::format("role '{}' is not one of primary, replica, joining, down", text));
}

const Node* Topology::find(const NodeName& name) const {
  auto found = std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) {
    return node.member.name == name;
  });
  return found == nodes.end() ? nullptr : &*found;
}

const Node* Topology::primary() const {
  return leadership.term == Term() ? nullptr : find(leadership.primary);
}

const Vote* Topology::vote_of(const NodeName& name) const {
  auto found = leadership.votes.find(name);
  return found == leadership.votes.end() ? nullptr : &found->second;
}

bool Topology::is_voter(const NodeName& name) const {
  const Vote* vote = vote_of(name);
  return vote != nullptr && vote->state == Vote::State::Counts;
}

std::uint32_t Topology::acks_in_force() const {
  return leadership.acks != 0 ? leadership.acks : charter.acks;
}

std::uint32_t Topology::acks_to_require() const { return std::max(charter.acks, acks_in_force()); }

Term Topology::next_term() const {
  Term highest = leadership.term;
  if (leadership.election) highest = std::max(highest, leadership.election->term);
  for (const Node& node : nodes) {
    highest = std::max({highest, node.state.remembered.term, node.state.remembered.election});
    if (node.promise) highest = std::max(highest, node.promise->term);
  }
  return Term(highest.value() + 1);
}

std::uint64_t Topology::next_change() const {
  std::uint64_t highest = leadership.changes;
  for (const Node& node : nodes) highest = std::max(highest, node.state.remembered.changes);
  return highest + 1;
}

bool Topology::holds_statements() const {
  const auto& switchover = leadership.switchover;
  return switchover && switchover->is_under_way() && switchover->holding;
}

void turn_down(NodeState& state) {
  state.role = Role::Down;
  state.healthy = false;
  state.pid.reset();
  state.lag_ms.reset();
  state.semi_sync = false;
  state.activity = "its agent is silent";
}

}  // namespace dorsal::cluster
