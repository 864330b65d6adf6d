// A replica whose data cannot become what the primary has is cloned anew, without a person. What
// only it has is put aside first, and its vote has ended (rules_votes.cc).
#include <algorithm>
#include <array>
#include <string_view>

#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::failover::rules {

using cluster::DataStage;
using cluster::Node;
using cluster::Process;
using cluster::Role;
using cluster::Vote;

namespace {

// Nobody counts on what it has acknowledged.
bool has_left(const View& view) {
  const Vote* vote = own_vote(view);
  return vote == nullptr || vote->state == Vote::State::Lost;
}

// Another one comes first: it is being made, or waits as this one does and has the lower name.
bool is_others_turn(const View& view) {
  // It is the one that is being made: its clone was of one with strays.
  if (!own_member(view)->joined) return false;
  for (const Node& node : view.topology.nodes) {
    if (node.member.name == view.self || node.member.name == view.topology.leadership.primary) {
      continue;
    }
    if (is_being_made(node)) return true;
    const bool waits = !view.topology.is_voter(node.member.name) && !node.state.healthy &&
                       node.state.role != Role::Down;
    if (waits && acks_are_required(view) && node.member.name < view.self) return true;
  }
  return false;
}

// There must be somebody to clone from, and nothing more urgent.
bool may_be_rebuilt(const View& view) {
  const Node* primary = view.topology.primary();
  return view.store_answers && !view.topology.pause && primary != nullptr &&
         primary->state.role == Role::Primary && primary->state.healthy && !is_others_turn(view);
}

}  // namespace

// InnoDB says so, or came upon something that it took for an address.
bool tells_of_damage(const std::string& words) {
  constexpr std::array<std::string_view, 3> kTold{"Assertion failure",
                                                  "orrupt",
                                                  "was killed by signal 11"};
  return std::any_of(kTold.begin(), kTold.end(), [&](std::string_view told) {
    return words.find(told) != std::string::npos;
  });
}

Match set_damaged_data_aside(const View& view, const Policy& policy) {
  if (is_recorded_primary(view) || view.server.stage != DataStage::Member) return std::nullopt;
  if (view.server.process != Process::Stopped || !own_member(view)->joined) return std::nullopt;
  const bool is_damaged =
      view.failed_starts >= policy.most_failed_starts && tells_of_damage(view.server.last_words);
  if (!is_damaged || !may_be_rebuilt(view) || is_resting(view, Action::SetDataAside)) {
    return std::nullopt;
  }
  return act(Action::SetDataAside, view.server.last_words + "; setting its data aside");
}

bool is_to_be_dropped(const View& view, const Policy& policy) {
  return !reason_to_rebuild(view, policy).empty() &&
         view.server.saved_strays.contains(strays(view)) && may_be_rebuilt(view);
}

Match save_strays(const View& view, const Policy&) {
  mysql::GtidSet surplus = strays(view);
  if (surplus.empty() || view.server.saved_strays.contains(surplus) || is_voter(view)) {
    return std::nullopt;
  }
  if (is_resting(view, Action::SaveStrays)) {
    return keep("its stray transactions could not be put aside");
  }
  Step step = act(Action::SaveStrays, "putting its stray transactions aside");
  step.strays = std::move(surplus);
  return step;
}

Match rebuild(const View& view, const Policy& policy) {
  if (!is_to_be_dropped(view, policy) || !has_left(view)) return std::nullopt;
  if (is_resting(view, Action::DropData)) return keep("its data could not be dropped");
  Step step = act(Action::DropData,
                  reason_to_rebuild(view, policy) + "; dropping its data to be cloned anew");
  step.asked_ms = own_member(view)->rebuild_asked_ms;
  return step;
}

}  // namespace dorsal::failover::rules
