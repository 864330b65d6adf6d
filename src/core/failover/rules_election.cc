#include <fmt/core.h>

#include <algorithm>

#include "core/failover/election.h"
#include "core/failover/old_store.h"
#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::failover::rules {

using cluster::DataStage;
using cluster::Process;
using cluster::Receiver;

namespace {

bool may_elect(const View& view) {
  return !view.topology.pause && view.store_answers && !election_is_pending(view) &&
         !store_is_old(view);
}

// Why there should be another primary; empty when there should not.
std::string reason_to_elect(const View& view, const Policy& policy) {
  const std::string& primary = view.topology.leadership.primary.value();
  if (view.topology.leadership.handed_over) return primary + " handed over";
  if (lease_is_over(view, policy)) return "the lease of " + primary + " ran out";
  return {};
}

// A voter that could take part at once.
bool can_stand(const View& view, const Policy& policy) {
  const cluster::Member* own = own_member(view);
  if (!could_serve(view, policy)) return false;
  if (own == nullptr || !own->joined || !is_voter(view) || is_recorded_primary(view)) return false;
  return view.server.facts && view.server.stage == DataStage::Member && strays(view).empty();
}

std::optional<cluster::Promise> make_promise(const View& view, const Policy& policy) {
  const auto& election = *view.topology.leadership.election;
  const bool has_data = view.server.stage == DataStage::Member;
  const bool is_sound = has_data && could_serve(view, policy);
  if (election.after_restore) {
    // Who is a stray cannot be told by what an old store says of its primary.
    std::string all = has_data ? received(view).to_string() : std::string();
    return cluster::Promise{election.term, std::move(all), is_sound, view.server.remembered};
  }
  if (!own_member(view)->joined || !has_data) return std::nullopt;
  // What nobody was ever told of would keep the others from leading.
  const mysql::GtidSet surplus = strays(view);
  mysql::GtidSet has = received(view);
  has.subtract(surplus);
  return cluster::Promise{election.term, has.to_string(), is_sound && surplus.empty()};
}

Step with_reason(Action action, std::string reason) {
  Step step = act(action, reason);
  step.reason = std::move(reason);
  return step;
}

bool is_another_well(const View& view) {
  return std::ranges::any_of(view.topology.nodes, [&](const cluster::Node& node) {
    return node.member.name != view.self && node.state.healthy &&
           view.topology.is_voter(node.member.name);
  });
}

}  // namespace

Match fence_for_election(const View& view, const Policy&) {
  if (!view.server.may_be_writable) return std::nullopt;
  if (election_is_pending(view)) {
    return act(Action::Fence, "another primary is being elected; taking no more writes");
  }
  if (!store_is_old(view)) return std::nullopt;
  return act(Action::Fence, "the store is older than what is remembered; taking no more writes");
}

Match kill_hung_server(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || !may_elect(view)) return std::nullopt;
  if (view.server.process != Process::Silent || !view.silent_since) return std::nullopt;
  if (view.now - *view.silent_since < policy.hung_after) return std::nullopt;
  if (!why_not_electable(view).empty()) return std::nullopt;
  return act(Action::Kill, "mysqld does not answer; killing it");
}

Match kill_without_storage(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || !may_elect(view)) return std::nullopt;
  if (view.server.process == Process::Stopped || !storage_is_broken(view, policy)) {
    return std::nullopt;
  }
  // Several nodes may share one disk.
  if (!is_another_well(view) || !why_not_electable(view).empty()) return std::nullopt;
  return act(Action::Kill, view.server.storage_trouble + "; killing mysqld");
}

Match kill_without_door(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || !may_elect(view)) return std::nullopt;
  if (view.server.process != Process::Answers || !door_is_closed(view, policy)) {
    return std::nullopt;
  }
  // Several nodes may be on one machine that is too busy.
  if (!is_another_well(view) || !why_not_electable(view).empty()) return std::nullopt;
  return act(Action::Kill, view.server.door_trouble + "; killing mysqld");
}

Match hand_over(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || !may_elect(view)) return std::nullopt;
  if (view.topology.leadership.handed_over || is_resting(view, Action::HandOver)) {
    return std::nullopt;
  }
  const bool has_died = view.server.process == Process::Stopped && !view.server.wants_restart;
  const bool has_no_data = view.server.stage != DataStage::Member && own_member(view)->joined;
  if ((!has_died && !has_no_data) || !why_not_electable(view).empty()) return std::nullopt;
  return with_reason(
      Action::HandOver,
      has_no_data ? "its data folder is gone; handing over" : "mysqld does not run; handing over");
}

Match begin_election(const View& view, const Policy& policy) {
  if (!may_elect(view) || !can_stand(view, policy)) return std::nullopt;
  const std::string reason = reason_to_elect(view, policy);
  if (reason.empty() || !why_not_electable(view).empty()) return std::nullopt;
  if (is_resting(view, Action::Elect)) return std::nullopt;
  return with_reason(Action::Elect, reason);
}

// Who begins it need not be able to lead.
Match begin_election_after_restore(const View& view, const Policy&) {
  if (!store_is_old(view) || !view.store_answers || view.topology.pause) return std::nullopt;
  if (is_resting(view, Action::Elect)) return std::nullopt;
  if (!remembers_most(view) || !missing_after_restore(view).empty()) return std::nullopt;
  Step step = with_reason(Action::Elect, "the store was put back to an older state");
  step.after_restore = true;
  return step;
}

Match refuse_old_store(const View& view, const Policy&) {
  if (is_bound(view) && !election_is_pending(view)) {
    return keep("it has promised a term that the store does not know; was the store restored?");
  }
  if (!store_is_old(view)) return std::nullopt;
  return keep(describe_old_store(view));
}

Match stop_receiving_for_election(const View& view, const Policy&) {
  if (!election_is_pending(view) || has_promised(view)) return std::nullopt;
  const auto& following = view.server.facts->following;
  if (!following || following->receiver == Receiver::Off) return std::nullopt;
  if (is_resting(view, Action::StopReceiver)) return keep("its receiver could not be stopped");
  return act(Action::StopReceiver, "leaving its primary for an election");
}

Match sync_for_election(const View& view, const Policy&) {
  if (!election_is_pending(view) || has_promised(view)) return std::nullopt;
  const auto& facts = *view.server.facts;
  if (facts.syncs_relay_log || !facts.following) return std::nullopt;
  const char* activity = "putting what it received on disk, for an election";
  if (is_resting(view, Action::SyncRelayLog)) return keep(activity);
  return act(Action::SyncRelayLog, activity);
}

Match promise(const View& view, const Policy& policy) {
  if (!election_is_pending(view) || !view.store_answers) return std::nullopt;
  if (view.server.may_be_writable || is_resting(view, Action::Promise)) return std::nullopt;
  auto promise = make_promise(view, policy);
  if (!promise) return std::nullopt;
  // Once more, if what kept it from leading is over.
  const cluster::Node* own = view.topology.find(view.self);
  const bool may_lead_now = promise->may_lead && own->promise && !own->promise->may_lead;
  if (has_promised(view) && !may_lead_now) return std::nullopt;
  Step step = act(Action::Promise, "taking part in an election");
  step.promise = std::move(promise);
  return step;
}

Match apply_for_election(const View& view, const Policy& policy) {
  if (!election_is_pending(view) || !has_promised(view) || all_retrieved_is_applied(view)) {
    return std::nullopt;
  }
  const char* activity = "applying what it received, for an election";
  if (view.server.facts->following->applier_runs) return await(received(view), view, activity);
  // For which its applier would wait.
  if (auto step = kill_waiting_clients(view, policy)) return step;
  const bool requires_acks = view.server.facts->source_semi_sync;
  const Action next = requires_acks ? Action::StopRequiringAcks : Action::StartApplier;
  return is_resting(view, next) ? keep(activity) : act(next, activity);
}

Match lead_as_elected(const View& view, const Policy& policy) {
  if (!election_is_pending(view) || !has_promised(view) || !view.store_answers) return std::nullopt;
  if (elected(view) != view.self || is_resting(view, Action::Lead)) return std::nullopt;
  // So that two servers never even serve reads as primaries.
  const auto& leadership = view.topology.leadership;
  const cluster::Node* before = view.topology.primary();
  const bool old_one_has_promised =
      before != nullptr && before->promise && before->promise->term >= leadership.election->term;
  if (!leadership.handed_over && !old_one_has_promised && !lease_is_over(view, policy)) {
    return keep("elected; waiting for the old primary's lease to run out");
  }
  Step step = act(Action::Lead, "elected; taking over");
  step.elected_with = view.topology.find(view.self)->promise->received;
  return step;
}

Match wait_for_election(const View& view, const Policy&) {
  if (!election_is_pending(view)) return std::nullopt;
  return keep(describe_election(view));
}

Match forget_source(const View& view, const Policy&) {
  if (!is_recorded_primary(view)) return std::nullopt;
  const auto& facts = *view.server.facts;
  if (!facts.following && !facts.replica_semi_sync) return std::nullopt;
  if (!all_retrieved_is_applied(view)) return keep("applying what it received");
  if (is_resting(view, Action::ForgetSource)) return keep("its old source could not be forgotten");
  return act(Action::ForgetSource, "forgetting its old source");
}

// What stands in the way is said where nothing else is to be done.
Match refuse_election(const View& view, const Policy& policy) {
  if (!view.store_answers || election_is_pending(view) || !can_stand(view, policy))
    return std::nullopt;
  const std::string reason = reason_to_elect(view, policy);
  if (reason.empty()) return std::nullopt;
  const std::string obstacle =
      view.topology.pause ? "the cluster is paused" : why_not_electable(view);
  if (obstacle.empty()) return std::nullopt;
  return keep(fmt::format("{}; no fail-over: {}", reason, obstacle));
}

}  // namespace dorsal::failover::rules
