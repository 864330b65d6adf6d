#include "mutations.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "core/failover/election.h"
#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::sim {
namespace {

using cluster::Mode;
using cluster::Receiver;
using cluster::Vote;
using failover::Action;
using failover::Policy;
using failover::Rule;
using failover::Step;
using failover::View;
using Match = std::optional<Step>;

Match never(const View&, const Policy&) { return std::nullopt; }

// ---- rules as somebody might have written them ----

Match stop_receiver_only_where_it_is_connected(const View& view, const Policy& policy) {
  const auto& following = view.server.facts->following;
  if (following && following->receiver == Receiver::Connecting) return std::nullopt;
  return failover::rules::stop_receiving_for_election(view, policy);
}

Match promise_what_was_executed(const View& view, const Policy& policy) {
  Match step = failover::rules::promise(view, policy);
  if (step) step->promise->received = view.server.facts->executed.to_string();
  return step;
}

Match lead_with_any_promise(const View& view, const Policy&) {
  if (!failover::election_is_pending(view) || !failover::has_promised(view)) return std::nullopt;
  Step step = failover::act(Action::Lead, {});
  step.elected_with = view.topology.find(view.self)->promise->received;
  return step;
}

Match lead_when_all_have_promised(const View& view, const Policy& policy) {
  for (const cluster::Node& each : view.topology.nodes) {
    const bool is_asked =
        failover::election_is_pending(view) && view.topology.is_voter(each.member.name);
    if (is_asked && !failover::has_promised(view, each)) return std::nullopt;
  }
  return failover::rules::lead_as_elected(view, policy);
}

Match forget_source_at_once(const View& view, const Policy&) {
  if (!failover::is_recorded_primary(view) || !view.server.facts->following) return std::nullopt;
  return failover::act(Action::ForgetSource, {});
}

Match take_out_at_once(const View& view, const Policy&) {
  if (!failover::is_recorded_primary(view)) return std::nullopt;
  Step step = failover::act(Action::ChangeVotes, {});
  step.votes = view.topology.leadership.votes;
  const auto erased = std::erase_if(*step.votes, [](const auto& each) {
    return each.second.state != Vote::State::Counts;
  });
  return erased == 0 ? std::nullopt : Match(std::move(step));
}

// Nobody but the server is told.
Match stop_acks_before_the_store_knows(const View& view, const Policy& policy) {
  Match step = failover::rules::go_unprotected(view, policy);
  return step ? Match(failover::act(Action::StopRequiringAcks, {})) : step;
}

Match end_unprotected_at_once(const View& view, const Policy& policy) {
  View satisfied = view;
  if (view.before_acks) satisfied.before_acks.emplace();
  return failover::rules::end_unprotected(satisfied, policy);
}

Match record_more_acks_at_once(const View& view, const Policy& policy) {
  View satisfied = view;
  if (view.before_acks) satisfied.before_acks.emplace();
  return failover::rules::record_more_acks(satisfied, policy);
}

Match overlook_old_writes(const View& view, const Policy& policy) {
  Match step = failover::rules::record_required_acks(view, policy);
  if (step) step->unprotected = false;
  return step;
}

Match elect_by_old_votes(const View& view, const Policy& policy) {
  Match step = failover::rules::begin_election_after_restore(view, policy);
  if (step) step->after_restore = false;
  return step;
}

// ---- tables with a rule changed ----

std::function<void(Plan&)> with(std::string_view name, Match (*match)(const View&, const Policy&)) {
  return [name, match](Plan& plan) {
    auto found = std::find_if(plan.rules.begin(), plan.rules.end(), [&](const Rule& rule) {
      return rule.name == name;
    });
    DORSAL_CHECK(found != plan.rules.end());
    found->match = match;
  };
}

std::function<void(Plan&)> without(std::initializer_list<std::string_view> names) {
  return [names = std::vector<std::string_view>(names)](Plan& plan) {
    for (const auto name : names) with(name, never)(plan);
  };
}

// With these faults alone it is found sooner.
std::function<void(Plan&)> among(std::vector<Fault> faults, std::function<void(Plan&)> apply) {
  return [faults = std::move(faults), apply = std::move(apply)](Plan& plan) {
    plan.only = faults;
    apply(plan);
  };
}

// An operator forces fail-overs.
std::function<void(Plan&)> forced(std::function<void(Plan&)> apply) {
  return [apply = std::move(apply)](Plan& plan) {
    plan.writes_may_be_lost = true;
    apply(plan);
  };
}

// The store is put back to older states.
std::function<void(Plan&)> restored(std::function<void(Plan&)> apply) {
  return [apply = std::move(apply)](Plan& plan) {
    plan.store_is_restored = true;
    apply(plan);
  };
}

// An operator wants another protection, now and then.
std::function<void(Plan&)> changing(std::function<void(Plan&)> apply) {
  return [apply = std::move(apply)](Plan& plan) {
    plan.protection_changes = true;
    apply(plan);
  };
}

std::function<void(Plan&)> flawed(bool Flaws::*flaw) {
  return [flaw](Plan& plan) { plan.flaws.*flaw = true; };
}

}  // namespace

std::vector<Mutation> mutations() {
  return {
      {"store_compares_nothing",
       "store",
       "every write to the store is compared with what it was decided on",
       Invariant::Healed,
       6063,
       flawed(&Flaws::store_compares_nothing)},
      {"promises_while_receiving",
       "revocation",
       "who promises has stopped its receiver",
       Invariant::Lost,
       5534,
       without({"stop_receiving_for_election"})},
      {"connecting_is_not_receiving",
       "revocation",
       "a receiver that tries to connect is one that receives",
       Invariant::Lost,
       3099,
       among({Fault::Server, Fault::CutFromOther, Fault::CutOff, Fault::Freeze},
             with("stop_receiving_for_election", stop_receiver_only_where_it_is_connected))},
      {"one_promise_is_enough",
       "promotion",
       "all voters but one fewer than a write needs have promised",
       Invariant::Lost,
       34,
       with("lead_as_elected", lead_with_any_promise)},
      {"one_promise_is_enough_of_five",
       "promotion",
       "all voters but one fewer than a write needs have promised",
       Invariant::Lost,
       14,
       with("lead_as_elected", lead_with_any_promise),
       5,
       2},
      {"vote_is_taken_at_once",
       "votes",
       "a vote ends only when others have what it stood for",
       Invariant::Lost,
       1832,
       with("take_out", take_out_at_once)},
      {"semi_sync_times_out",
       "settings",
       "a commit waits for its acknowledgements without end",
       Invariant::Late,
       298,
       flawed(&Flaws::semi_sync_times_out)},
      {"relay_log_recovers",
       "relay log",
       "what was acknowledged survives a restart of the replica",
       Invariant::Lost,
       286,
       flawed(&Flaws::relay_log_recovers)},
      {"relay_log_is_not_synced",
       "relay log",
       "what was acknowledged survives a loss of power at the replica",
       Invariant::Lost,
       367,
       flawed(&Flaws::relay_log_is_not_synced)},
      {"acknowledges_before_syncing",
       "relay log",
       "what was received is on disk before it is acknowledged",
       Invariant::Lost,
       3065,
       among({Fault::Data, Fault::Power, Fault::Server},
             without({"sync_relay_log", "sync_for_election"}))},
      {"relay_log_is_discarded",
       "unapplied",
       "everything received is applied before the source is forgotten",
       Invariant::Lost,
       252,
       [](Plan& plan) {
         without({"apply_for_election", "refuse_lost_transactions"})(plan);
         with("forget_source", forget_source_at_once)(plan);
       }},
      {"executed_counts_alone",
       "candidates",
       "candidates are compared by what they received, not by what they applied",
       Invariant::Healed,
       129,
       with("promise", promise_what_was_executed)},
      {"acks_are_required_late",
       "promotion",
       "semi-sync is on before writes are allowed",
       Invariant::Unprotected,
       13,
       without({"require_acks_before_writes"})},
      {"fence_releases_waiters",
       "waiting clients",
       "clients that wait on a deposed primary are told nothing",
       Invariant::Lost,
       13,
       flawed(&Flaws::fence_releases_waiters)},
      {"read_only_is_believed_early",
       "read only",
       "a server is fenced once its commits have ended, whatever super_read_only says before",
       Invariant::Late,
       1688,
       flawed(&Flaws::read_only_is_believed_early)},
      {"boots_writable",
       "boot",
       "a server boots read-only",
       Invariant::Unprotected,
       1,
       flawed(&Flaws::boots_writable)},
      {"strays_follow",
       "ghosts",
       "who has strays neither follows nor votes",
       Invariant::Healed,
       26,
       without({"stop_acks_of_strays",
                "stop_receiver_of_strays",
                "leave_for_rebuild",
                "save_strays",
                "rebuild",
                "refuse_strays"})},
      {"strays_are_judged_at_once",
       "strays",
       "whether a replica has what the primary lacks is told by looking at the replica first",
       Invariant::Lost,
       11600,
       among({Fault::Server,
              Fault::Agent,
              Fault::Hang,
              Fault::CutOff,
              Fault::CutFromOther,
              Fault::Power,
              Fault::PowerOfAll},
             flawed(&Flaws::strays_are_judged_at_once))},
      {"most_members_suffice",
       "without store",
       "a primary without the store goes on only while every member agrees",
       Invariant::TwoLeases,
       1877,
       among({Fault::Store, Fault::CutFromStore, Fault::CutFromOther, Fault::CutOff, Fault::Freeze},
             flawed(&Flaws::most_members_suffice)),
       5,
       3},
      {"agreeing_delays_nothing",
       "without store",
       "who agrees that another one leads begins no election meanwhile",
       Invariant::TwoLeases,
       265,
       flawed(&Flaws::agreeing_delays_nothing)},
      {"deposed_primary_requires_acks",
       "waiting clients",
       "a primary that is none any more requires no acknowledgements",
       Invariant::Healed,
       231,
       without({"stop_requiring_acks"})},
      {"applies_while_it_requires_acks",
       "waiting clients",
       "a former primary applies nothing before it requires no acknowledgements any more",
       Invariant::Applies,
       52,
       with("receive_before_applying", failover::rules::start_replication)},
      {"clients_are_told_ok",
       "waiting clients",
       "clients that wait on a deposed primary are told nothing, also when it follows another one",
       Invariant::Late,
       251,
       without({"kill_waiting_clients", "fence_for_election", "fence_without_lease"})},
      {"nobody_is_fenced",
       "read only",
       "who lost its lease, or is to be replaced, takes no more writes",
       Invariant::Late,
       340,
       without({"fence_without_lease", "fence_for_election"})},
      {"lease_by_wall_clock",
       "lease",
       "a lease is measured by a clock that never jumps",
       Invariant::TwoLeases,
       1162,
       flawed(&Flaws::lease_by_wall_clock)},
      {"silence_by_wall_clock",
       "lease",
       "whether an agent is silent is told by one's own clock",
       Invariant::TakenOver,
       143,
       flawed(&Flaws::silence_by_wall_clock)},
      {"store_knows_last",
       "availability",
       "the store knows that writes are unprotected before the first of them",
       Invariant::Unprotected,
       103,
       with("go_unprotected", stop_acks_before_the_store_knows),
       3,
       1,
       Mode::Available},
      {"never_unprotected",
       "availability",
       "in mode available a primary goes on without acknowledgements",
       Invariant::GoesOn,
       607,
       without({"go_unprotected"}),
       3,
       1,
       Mode::Available},
      {"acks_are_never_stopped",
       "availability",
       "once the store knows it, no acknowledgements are required",
       Invariant::GoesOn,
       186,
       without({"stop_acks_unprotected"}),
       3,
       1,
       Mode::Available},
      {"acks_are_never_required_again",
       "availability",
       "with replicas back they are required again",
       Invariant::Healed,
       51,
       without({"require_acks_again"}),
       3,
       1,
       Mode::Available},
      {"protected_at_once",
       "availability",
       "writes are protected again once the voters have all that was written meanwhile",
       Invariant::Lost,
       11218,
       among({Fault::Power, Fault::CutFromOther, Fault::CutOff},
             with("end_unprotected", end_unprotected_at_once)),
       3,
       1,
       Mode::Available},
      {"unprotected_is_overlooked",
       "availability",
       "nobody is elected by voters who may lack what was unprotected",
       Invariant::Lost,
       687,
       flawed(&Flaws::unprotected_is_overlooked),
       3,
       1,
       Mode::Available},
      {"losses_are_not_told",
       "override",
       "an operator who overrides is told what that loses",
       Invariant::Lost,
       42,
       forced(flawed(&Flaws::losses_are_not_told))},
      {"gone_is_guessed",
       "votes",
       "whoever has a silent node removed knows that its server is gone",
       Invariant::Lost,
       10640,
       flawed(&Flaws::gone_is_guessed)},
      {"clones_wait_for_clients",
       "clones",
       "a primary from which a replica is made anew has no clients that wait for its "
       "acknowledgement",
       Invariant::Healed,
       40,
       forced(without({"fence_without_replicas"}))},
      {"receives_again_after_promise",
       "revocation",
       "who has promised receives nothing more from the old primary",
       Invariant::Lost,
       494,
       without({"stop_receiving_for_election", "wait_for_election"})},
      {"lost_data_keeps_its_vote",
       "relay log",
       "a replica that lost what it had received loses its vote",
       Invariant::Healed,
       15,
       among({Fault::Data, Fault::CutFromOther, Fault::Server},
             without({"leave_without_data", "forget_member_without_data"}))},
      {"opens_without_lease",
       "promotion",
       "a primary looks at its lease before it opens",
       Invariant::TwoLeases,
       311,
       among({Fault::Server, Fault::CutOff}, without({"wait_for_lease", "fence_without_lease"}))},
      {"server_outlives_agent",
       "boot",
       "a server ends with its agent",
       Invariant::Healed,
       143,
       flawed(&Flaws::server_outlives_agent)},
      {"left_behind_for_good",
       "clones",
       "whoever is left behind by purged binlogs is cloned anew",
       Invariant::Healed,
       1,
       without({"rebuild"})},
      {"lease_from_answer",
       "lease",
       "a lease runs from the moment at which its renewal was sent",
       Invariant::TwoLeases,
       580,
       among({Fault::Freeze, Fault::Slow}, flawed(&Flaws::lease_from_answer))},
      {"first_back_leads",
       "power",
       "after a loss of power nobody leads without a quorum of the last voters",
       Invariant::Lost,
       4,
       among({Fault::PowerOfAll, Fault::Switchover},
             with("lead_as_elected", lead_with_any_promise))},
      {"all_must_be_back",
       "power",
       "a quorum of the last voters suffices",
       Invariant::TakenOver,
       2,
       with("lead_as_elected", lead_when_all_have_promised)},
      {"nobody_remembers",
       "restored store",
       "a node keeps in its own folder what it has seen of the store",
       Invariant::Lost,
       96,
       restored(without({"remember"}))},
      {"elects_by_old_votes",
       "restored store",
       "after a restore the votes in the store mean nothing",
       Invariant::Lost,
       4,
       restored(with("begin_election_after_restore", elect_by_old_votes))},
      {"more_acks_are_recorded_at_once",
       "votes",
       "more acknowledgements count once as many voters have all from before",
       Invariant::Lost,
       2,
       changing(with("record_more_acks", record_more_acks_at_once))},
      {"fewer_acks_suffice_at_once",
       "votes",
       "fewer acknowledgements are recorded before fewer are required",
       Invariant::Lost,
       330,
       changing([](Plan& plan) {
         plan.flaws.fewer_acks_at_once = true;
         without({"record_fewer_acks"})(plan);
       })},
      {"old_writes_are_overlooked",
       "availability",
       "what was written before acknowledgements were required is not protected at once",
       Invariant::Lost,
       33,
       changing(with("record_required_acks", overlook_old_writes)),
       3,
       1,
       Mode::Async},
  };
}

}  // namespace dorsal::sim
