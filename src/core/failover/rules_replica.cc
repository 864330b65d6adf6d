#include <fmt/core.h>

#include "core/failover/election.h"
#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::failover::rules {

using cluster::DataStage;
using cluster::Following;
using cluster::Receiver;

namespace {

const std::optional<Following>& following(const View& view) { return view.server.facts->following; }

std::string primary_name(const View& view) { return view.topology.leadership.primary.value(); }

// A replica is useful while something else cannot be done yet, so there is nothing to refuse.
Match unless_resting(const View& view, Step step) {
  if (is_resting(view, step.action)) return keep("trying again soon: " + step.activity);
  return step;
}

// Small lag is asked for since the goal may be long past. Where no heartbeats come, as at a primary
// that waits for its first voter, having all that the primary has is as good.
bool has_caught_up(const View& view, const Policy& policy) {
  const mysql::GtidSet& executed = view.server.facts->executed;
  if (!view.goal || !executed.contains(*view.goal)) return false;
  if (view.lag_ms && *view.lag_ms <= policy.caught_up_lag_ms) return true;
  const auto position = primary_position(view);
  return position && executed.contains(*position);
}

// Whether others acknowledge writes without this voter.
bool others_acknowledge(const View& view, const Policy& policy) {
  return enough_voters(view, view.self, [&](const cluster::Node& node) {
    const auto& lag = node.state.lag_ms;
    return node.state.healthy && node.state.semi_sync && lag && *lag <= policy.far_behind_ms;
  });
}

// What was received and is not applied yet does not count: only to receive is faster so.
bool lacks_something(const View& view) {
  const auto position = primary_position(view);
  return position && !received(view).contains(*position);
}

// Behind, so that to receive fast is worth more than to acknowledge: with sync_relay_log=1 each
// event is synced by itself, and the smallest transaction has five. A voter stops acknowledging for
// that when it is far behind; after a start it does not even begin.
bool has_to_catch_up(const View& view, const Policy& policy) {
  if (!is_voter(view)) return !own_member(view)->joined && !has_caught_up(view, policy);
  const bool acknowledges = view.server.facts->replica_semi_sync;
  const std::int64_t bound = acknowledges ? policy.far_behind_ms : policy.close_lag_ms;
  if (!view.lag_ms || *view.lag_ms <= bound) return false;
  // Heartbeats also stop when the primary can write nothing, or is out of reach.
  if (acknowledges && following(view)->receiver != Receiver::On) return false;
  return lacks_something(view) && others_acknowledge(view, policy);
}

// A primary that is none any more acknowledges the next one's writes before it stops requiring
// acknowledgements itself: a server takes up to a second for that (its Ack_receiver looks at
// sockets for so long), and this voter lacks nothing. Only its applier would wait for them.
bool receives_before_it_applies(const View& view) {
  if (!is_voter(view) || !all_retrieved_is_applied(view)) return false;
  if (!follows_primary(view)) return true;
  // It is begun once, and waited for until it could be begun again.
  const bool rests = is_resting(view, Action::StartReceiver);
  if (following(view)->receiver == Receiver::Off) return !rests;
  return following(view)->receiver == Receiver::Connecting && rests;
}

bool runs(const Following& state) { return state.receiver != Receiver::Off && state.applier_runs; }

}  // namespace

Match leave_for_good(const View& view, const Policy&) {
  if (!has_left_for_good(view)) return std::nullopt;
  return unless_resting(view, act(Action::Restart, "leaving the cluster"));
}

Match restart_on_request(const View& view, const Policy&) {
  if (is_recorded_primary(view) || own_member(view)->restart_asked_ms <= view.restarted_ms) {
    return std::nullopt;
  }
  Step step = act(Action::Restart, "restarting mysqld, as was asked for");
  step.asked_ms = own_member(view)->restart_asked_ms;
  return unless_resting(view, std::move(step));
}

Match wait_for_primary(const View& view, const Policy&) {
  if (view.topology.primary() != nullptr) return std::nullopt;
  return keep("waiting for a primary");
}

Match clone_fresh_node(const View& view, const Policy&) {
  if (view.server.stage != DataStage::Fresh || is_resting(view, Action::Clone)) return std::nullopt;
  auto donor = choose_donor(view);
  if (!donor) return std::nullopt;
  Step step = act(Action::Clone, "cloning from " + donor->value());
  step.peer = std::move(donor);
  return step;
}

Match wait_for_donor(const View& view, const Policy&) {
  if (view.server.stage != DataStage::Fresh) return std::nullopt;
  return keep("waiting for a node to clone from");
}

Match stop_acks_of_strays(const View& view, const Policy&) {
  if (!view.server.facts->replica_semi_sync || strays(view).empty()) return std::nullopt;
  return unless_resting(
      view,
      act(Action::StopAcks, "it has stray transactions; giving no acknowledgements"));
}

Match stop_receiver_of_strays(const View& view, const Policy&) {
  if (!following(view) || following(view)->receiver == Receiver::Off) return std::nullopt;
  if (strays(view).empty()) return std::nullopt;
  return unless_resting(view,
                        act(Action::StopReceiver, "it has stray transactions; following no more"));
}

Match refuse_strays(const View& view, const Policy&) {
  const mysql::GtidSet surplus = strays(view);
  if (surplus.empty()) return std::nullopt;
  return keep(
      fmt::format("it has transactions that the primary {} never had ({}), so it serves nothing "
                  "until it is cloned anew",
                  primary_name(view),
                  shorten(surplus)));
}

Match kill_waiting_clients(const View& view, const Policy&) {
  const auto& facts = *view.server.facts;
  if (!facts.source_semi_sync || facts.waiting_for_acks == 0) return std::nullopt;
  return act(Action::Kill, "clients wait for acknowledgements that do not count; killing mysqld");
}

// It is read-only, so that nobody begins to wait meanwhile.
Match stop_requiring_acks(const View& view, const Policy&) {
  if (!view.server.facts->source_semi_sync || view.server.may_be_writable) return std::nullopt;
  if (receives_before_it_applies(view)) return std::nullopt;
  return unless_resting(view,
                        act(Action::StopRequiringAcks, "requiring no acknowledgements any more"));
}

Match stop_receiving_from_other_source(const View& view, const Policy&) {
  if (follows_primary(view) || !following(view)) return std::nullopt;
  if (following(view)->receiver == Receiver::Off) return std::nullopt;
  return unless_resting(view, act(Action::StopReceiver, "leaving its old source"));
}

Match apply_what_was_received(const View& view, const Policy&) {
  if (follows_primary(view) || all_retrieved_is_applied(view)) return std::nullopt;
  if (following(view)->applier_runs) return keep("applying what it received from its old source");
  return unless_resting(view,
                        act(Action::StartApplier, "applying what it received from its old source"));
}

Match stop_applier_before_change(const View& view, const Policy&) {
  if (follows_primary(view) || !following(view) || !following(view)->applier_runs) {
    return std::nullopt;
  }
  return unless_resting(view, act(Action::StopApplier, "leaving its old source"));
}

Match change_source(const View& view, const Policy&) {
  if (follows_primary(view)) return std::nullopt;
  Step step = act(Action::ChangeSource, "turning to " + primary_name(view));
  step.peer = view.topology.leadership.primary;
  return unless_resting(view, std::move(step));
}

Match sync_relay_log(const View& view, const Policy& policy) {
  if (view.server.facts->syncs_relay_log || has_to_catch_up(view, policy)) return std::nullopt;
  return unless_resting(view, act(Action::SyncRelayLog, "putting what it received on disk"));
}

Match give_acks_as_voter(const View& view, const Policy& policy) {
  if (!is_voter(view) || view.server.facts->replica_semi_sync) return std::nullopt;
  if (has_to_catch_up(view, policy)) return std::nullopt;
  return unless_resting(view, act(Action::GiveAcks, "giving acknowledgements"));
}

Match stop_acks_without_vote(const View& view, const Policy&) {
  if (is_voter(view) || !view.server.facts->replica_semi_sync) return std::nullopt;
  return unless_resting(view,
                        act(Action::StopAcks, "giving no acknowledgements, as it has no vote"));
}

Match stop_acks_far_behind(const View& view, const Policy& policy) {
  if (!view.server.facts->replica_semi_sync || !has_to_catch_up(view, policy)) return std::nullopt;
  return unless_resting(view,
                        act(Action::StopAcks, "giving no acknowledgements until it has caught up"));
}

Match stop_syncing(const View& view, const Policy& policy) {
  if (!view.server.facts->syncs_relay_log || !has_to_catch_up(view, policy)) return std::nullopt;
  return unless_resting(view, act(Action::StopSyncing, "catching up"));
}

Match receive_before_applying(const View& view, const Policy&) {
  if (!view.server.facts->source_semi_sync) return std::nullopt;
  const std::string activity = "receiving from " + primary_name(view);
  const bool has_begun = following(view)->receiver != Receiver::Off;
  return has_begun ? keep(activity) : act(Action::StartReceiver, activity);
}

Match start_replication(const View& view, const Policy&) {
  if (runs(*following(view)) || is_resting(view, Action::StartReplication)) return std::nullopt;
  return act(Action::StartReplication, "starting replication from " + primary_name(view));
}

Match report_replication_error(const View& view, const Policy&) {
  const Following& state = *following(view);
  if (runs(state)) return std::nullopt;
  if (state.error_text.empty()) return keep("starting replication from " + primary_name(view));
  return keep("replication stopped: " + state.error_text);
}

Match join_when_caught_up(const View& view, const Policy& policy) {
  if (own_member(view)->joined || !has_caught_up(view, policy)) return std::nullopt;
  cluster::Member member = *own_member(view);
  member.joined = true;
  return unless_resting(view, update_member(member, "caught up; joining"));
}

Match catch_up(const View& view, const Policy&) {
  if (own_member(view)->joined) return std::nullopt;
  if (!view.lag_ms) return keep("catching up");
  return keep(fmt::format("catching up, {} ms behind", *view.lag_ms));
}

Match wait_for_source(const View& view, const Policy&) {
  if (following(view)->receiver == Receiver::On) return std::nullopt;
  if (following(view)->error_text.empty()) return keep("connecting to " + primary_name(view));
  return keep(fmt::format("connecting to {}: {}", primary_name(view), following(view)->error_text));
}

Match alarm_on_storage(const View& view, const Policy& policy) {
  if (!storage_is_broken(view, policy)) return std::nullopt;
  return keep(view.server.storage_trouble);
}

Match alarm_on_closed_door(const View& view, const Policy& policy) {
  if (!door_is_closed(view, policy)) return std::nullopt;
  return keep(view.server.door_trouble);
}

Match follow(const View& view, const Policy& policy) {
  if (!has_to_catch_up(view, policy)) return keep();
  return keep(
      fmt::format("catching up, {} ms behind; acknowledging nothing meanwhile", *view.lag_ms));
}

}  // namespace dorsal::failover::rules
