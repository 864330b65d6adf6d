// A vote ends in four steps, none of which may be left out
// (docs/decisions/quorums-count-the-primary.md and tests/model): the node is marked as leaving; it
// gives no more acknowledgements, and says so; the primary writes down all that there is then; once
// enough others have that, the vote is gone. The mark keeps a node from acknowledging again when a
// write of its own reaches the store late.
#include "core/failover/old_store.h"
#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::failover::rules {

using cluster::DataStage;
using cluster::Process;
using cluster::Vote;

namespace {

// The vote has nothing to do with what the node is for its clients, so that nothing waits for it.
Match where_votes_may_change(const View& view, Step step) {
  if (!view.store_answers || is_resting(view, Action::ChangeVotes)) return std::nullopt;
  return step;
}

bool gives_no_acks(const View& view) {
  if (view.server.process == Process::Stopped) return true;
  const auto& facts = view.server.facts;
  return facts && !facts->replica_semi_sync && !facts->replica_semi_sync_active;
}

bool others_could_take_over(const View& view) {
  const auto anyone = [](const cluster::Node&) { return true; };
  return !acks_are_required(view) ||
         count_voters(view, view.self, anyone) >= view.topology.acks_to_require();
}

bool others_have_taken_over(const View& view,
                            const cluster::NodeName& leaving,
                            const mysql::GtidSet& needed) {
  return enough_voters(view, leaving, [&](const cluster::Node& node) {
    return has_executed(node, needed);
  });
}

bool has_ended(const Vote& vote) {
  return vote.state == Vote::State::Withdrawn || vote.state == Vote::State::Lost;
}

std::optional<mysql::GtidSet> needed_for(const Vote& vote) {
  if (!vote.needed) return std::nullopt;
  auto set = mysql::parse_gtid_set(*vote.needed);
  if (!set) return std::nullopt;
  return *std::move(set);
}

}  // namespace

Match leave_without_data(const View& view, const Policy&) {
  if (view.server.stage == DataStage::Member || !is_voter(view)) return std::nullopt;
  if (is_after_restore(view)) return std::nullopt;
  if (!view.store_answers || is_resting(view, Action::ChangeVotes)) {
    return keep("its data folder is gone; waiting for the store to record that");
  }
  return change_own_vote(view, Vote::State::Leaving, "its data folder is gone; giving up its vote");
}

Match withdraw(const View& view, const Policy&) {
  if (is_recorded_primary(view) || own_vote(view) == nullptr) return std::nullopt;
  if (is_after_restore(view)) return std::nullopt;
  const bool has_data = view.server.stage == DataStage::Member && own_member(view)->joined;
  const Vote::State before = own_vote(view)->state;
  const Vote::State after = has_data ? Vote::State::Withdrawn : Vote::State::Lost;
  const bool is_due = before == Vote::State::Leaving ||
                      (before == Vote::State::Withdrawn && after == Vote::State::Lost);
  if (!is_due || !gives_no_acks(view)) return std::nullopt;
  return where_votes_may_change(
      view,
      change_own_vote(view, after, "giving no acknowledgements any more"));
}

Match leave_for_rebuild(const View& view, const Policy& policy) {
  if (!is_voter(view)) return std::nullopt;
  const std::string reason = reason_to_rebuild(view, policy);
  if (reason.empty()) return std::nullopt;
  return where_votes_may_change(
      view,
      change_own_vote(view, Vote::State::Leaving, reason + "; giving up its vote"));
}

Match leave_on_request(const View& view, const Policy&) {
  if (!is_voter(view) || may_vote(view) || !others_could_take_over(view)) return std::nullopt;
  return where_votes_may_change(
      view,
      change_own_vote(view, Vote::State::Leaving, "giving up its vote, as was asked for"));
}

Match become_voter(const View& view, const Policy& policy) {
  if (!own_member(view)->joined || is_voter(view) || !acks_are_required(view) || !may_vote(view)) {
    return std::nullopt;
  }
  if (!reason_to_rebuild(view, policy).empty()) return std::nullopt;
  // With all that it once acknowledged it is as if it had never left.
  const Vote* vote = own_vote(view);
  if (vote != nullptr && vote->state == Vote::State::Leaving) return std::nullopt;
  if (vote != nullptr && vote->state == Vote::State::Lost) {
    const auto needed = needed_for(*vote);
    if (!needed || !view.server.facts->executed.contains(*needed)) return std::nullopt;
  }
  return where_votes_may_change(view,
                                change_own_vote(view, Vote::State::Counts, "becoming a voter"));
}

// Where too few others are left to take over what it acknowledged, it is not taken out before it
// has that again; until then it cannot be asked for it.
Match give_up_data(const View& view, const Policy& policy) {
  const Vote* vote = own_vote(view);
  if (vote == nullptr || vote->state != Vote::State::Withdrawn) return std::nullopt;
  if (!is_to_be_dropped(view, policy) || others_could_take_over(view)) return std::nullopt;
  Step step = change_own_vote(view, Vote::State::Lost, "giving up its data to be cloned anew");
  step.votes->at(view.self).needed = vote->needed;
  return where_votes_may_change(view, std::move(step));
}

Match say_what_others_need(const View& view, const Policy&) {
  if (!is_recorded_primary(view)) return std::nullopt;
  for (const auto& [name, vote] : view.topology.leadership.votes) {
    if (!has_ended(vote) || vote.needed) continue;
    mysql::GtidSet all = view.server.facts->in_flight;
    all.unite(view.server.facts->executed);
    Step step = act(Action::ChangeVotes, {});
    step.votes = view.topology.leadership.votes;
    step.votes->at(name).needed = all.to_string();
    return where_votes_may_change(view, std::move(step));
  }
  return std::nullopt;
}

Match take_out(const View& view, const Policy&) {
  if (!is_recorded_primary(view)) return std::nullopt;
  for (const auto& [name, vote] : view.topology.leadership.votes) {
    const auto needed = needed_for(vote);
    if (!has_ended(vote) || !needed) continue;
    if (!others_have_taken_over(view, name, *needed)) continue;
    Step step = act(Action::ChangeVotes, {});
    step.votes = view.topology.leadership.votes;
    step.votes->erase(name);
    return where_votes_may_change(view, std::move(step));
  }
  return std::nullopt;
}

Match forget_removed(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || !view.store_answers) return std::nullopt;
  if (is_resting(view, Action::ForgetMember)) return std::nullopt;
  for (const cluster::Node& node : view.topology.nodes) {
    const bool is_gone = node.state.role == cluster::Role::Down;
    if (node.member.removal_asked_ms == 0 || !is_gone || node.member.name == view.self) continue;
    if (view.topology.vote_of(node.member.name) != nullptr) continue;
    Step step = act(Action::ForgetMember, {});
    step.peer = node.member.name;
    return step;
  }
  return std::nullopt;
}

}  // namespace dorsal::failover::rules
