#include "core/failover/decide.h"

#include <fmt/core.h>

#include <iterator>

#include "base/check.h"
#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::failover {

using cluster::Process;
using cluster::Receiver;
using cluster::Role;

namespace {

// The order is the meaning: who may write, then the folder and the process, then the role.
constexpr Rule kRules[] = {
    {"fence_without_lease",
     "A server takes writes only while its node is the recorded primary and the lease, counted "
     "from "
     "the moment when its newest renewal was sent, has not run out.",
     rules::fence_without_lease},
    {"renew_lease",
     "The recorded primary renews its lease every second, also while its server is being started.",
     rules::renew_lease},
    {"wait_for_admission",
     "A node that the store does not know has no server id, so it does nothing.",
     rules::wait_for_admission},
    {"refuse_old_data_in_empty_cluster",
     "Data of a cluster whose store remembers no primary is never made a cluster of its own.",
     rules::refuse_old_data_in_empty_cluster},
    {"lead_empty_cluster",
     "In a cluster that nobody has led, the node whose compare-and-swap of term 1 succeeds is the "
     "first primary.",
     rules::lead_empty_cluster},
    {"wait_for_job",
     "Initialising, removing and cloning run beside the ticks, one at a time.",
     rules::wait_for_job},
    {"refuse_primary_without_data",
     "A primary whose data is gone must not come back empty: its replicas would follow it into "
     "nothing.",
     rules::refuse_primary_without_data},
    {"forget_member_without_data",
     "A replica that lost what it had acknowledged loses its vote before it gets new data.",
     rules::forget_member_without_data},
    {"initialise_empty_folder",
     "Every node initialises a data folder of its own at once; a clone needs a running server.",
     rules::initialise_empty_folder},
    {"start_over_half_made_folder",
     "An initialisation that was killed has put nothing into place, so it simply starts over.",
     rules::start_over_half_made_folder},
    {"rest_before_next_start",
     "A server that keeps dying is started at growing intervals, and the last error of its log is "
     "shown.",
     rules::rest_before_next_start},
    {"start_server",
     "A server that is not there is started: at the beginning, after its death, and at once when "
     "it "
     "ended with status 16, which is the RESTART at the end of a clone.",
     rules::start_server},
    {"wait_for_server",
     "A starting server may be recovering for hours and is left alone; so is one that is silent, "
     "unless its lease runs out.",
     rules::wait_for_server},
    {"accept_completed_clone",
     "Only the server's own word (performance_schema.clone_status) makes a clone complete.",
     rules::accept_completed_clone},
    {"start_over_broken_clone",
     "A folder in which a clone was begun and not completed holds nothing of value.",
     rules::start_over_broken_clone},
    {"accept_own_data",
     "The first primary's empty data becomes the cluster's, on disk before in the store.",
     rules::accept_own_data},
    {"record_primary_as_joined",
     "The first primary joins before it takes its first write, so that lost data is noticed from "
     "then "
     "on.",
     rules::record_primary_as_joined},
    {"refuse_lost_transactions",
     "A primary whose executed set does not hold all that its voters have has lost data, and takes "
     "no "
     "writes.",
     rules::refuse_lost_transactions},
    {"require_acks_before_writes",
     "Semi-sync is switched on before writes are allowed: switched on late it lets flushed commits "
     "through unacknowledged.",
     rules::require_acks_before_writes},
    {"fence_without_replicas",
     "When the replicas that acknowledged have lost their data, nobody can acknowledge a write any "
     "more; "
     "clients that wait would also keep a clone from ending, and with it the first new replica.",
     rules::fence_without_replicas},
    {"wait_for_replicas",
     "Such a primary serves reads and clones, and takes writes again when a replica has joined.",
     rules::wait_for_replicas},
    {"alarm_on_fall_back",
     "Whether acknowledgements are really demanded is read back, never assumed.",
     rules::alarm_on_fall_back},
    {"wait_for_lease", "A primary without its lease takes no writes.", rules::wait_for_lease},
    {"open_for_writes",
     "Everything before this rule holds: the recorded primary, with its lease, with all data, and "
     "with acknowledgements required if they ever were.",
     rules::open_for_writes},
    {"require_first_acks",
     "As soon as enough replicas have joined to give them, acknowledgements are required, for "
     "ever.",
     rules::require_first_acks},
    {"record_required_acks",
     "The primary's own vote in the store says that acknowledgements are required; replicas become "
     "voters only after it.",
     rules::record_required_acks},
    {"lead", "The primary has nothing else to do.", rules::lead},
    {"wait_for_primary", "Without a primary there is nobody to follow.", rules::wait_for_primary},
    {"clone_fresh_node",
     "A new node is cloned from a healthy replica, so that the primary is spared, else from the "
     "primary.",
     rules::clone_fresh_node},
    {"wait_for_donor",
     "A donor serves one clone at a time; who is refused asks again a moment later.",
     rules::wait_for_donor},
    {"stop_acks_of_strays",
     "A replica with transactions that the primary never had must not acknowledge.",
     rules::stop_acks_of_strays},
    {"stop_receiver_of_strays", "Nor does it receive.", rules::stop_receiver_of_strays},
    {"take_vote_of_strays",
     "Its vote ends in the store only after its acknowledgements have become impossible.",
     rules::take_vote_of_strays},
    {"refuse_strays", "It says so, and serves nothing.", rules::refuse_strays},
    {"stop_receiving_from_other_source",
     "A change of source begins with the receiver.",
     rules::stop_receiving_from_other_source},
    {"apply_what_was_received",
     "Everything retrieved is applied first: changing the source discards the relay log.",
     rules::apply_what_was_received},
    {"stop_applier_before_change",
     "Only then is the applier stopped.",
     rules::stop_applier_before_change},
    {"change_source",
     "With both threads off and nothing left to apply, the source may be changed.",
     rules::change_source},
    {"give_acks_as_voter",
     "A voter is first recorded in the store, then gives acknowledgements.",
     rules::give_acks_as_voter},
    {"stop_acks_without_vote",
     "Semi-sync counts replicas, not names, so nobody else may give any.",
     rules::stop_acks_without_vote},
    {"start_replication",
     "Replication is started by the agent alone, and again a few seconds after an error.",
     rules::start_replication},
    {"report_replication_error",
     "A replica whose replication has stopped shows MySQL's own words.",
     rules::report_replication_error},
    {"join_when_caught_up",
     "A clone has caught up when it holds what the primary had when it began to follow, and is "
     "less "
     "than two seconds behind.",
     rules::join_when_caught_up},
    {"become_voter",
     "Once acknowledgements are required, every replica that has joined gives them.",
     rules::become_voter},
    {"catch_up", "Until it has caught up a node serves nothing.", rules::catch_up},
    {"wait_for_source",
     "A replica whose source is out of reach keeps serving what it has; MySQL tries to reconnect "
     "every "
     "second.",
     rules::wait_for_source},
    {"follow", "The replica has nothing else to do.", rules::follow},
};

bool primary_is_healthy(const View& view, const Policy& policy) {
  const auto& facts = *view.server.facts;
  if (!facts.writable || !holds_lease(view, policy)) return false;
  return facts.source_semi_sync ? facts.source_semi_sync_active : !acks_are_required(view);
}

// True when this replica gives acknowledgements, or none are wanted of anybody.
bool acks_are_settled(const View& view) {
  if (acks_are_required(view)) {
    return own_member(view)->voter && view.server.facts->replica_semi_sync;
  }
  return !acks_are_possible(view);
}

// A replica stays healthy when its primary is gone, since it still serves reads.
bool replica_is_healthy(const View& view, const Policy& policy) {
  if (!own_member(view)->joined || view.server.stage != cluster::DataStage::Member) return false;
  if (!follows_primary(view) || !strays(view).empty() || !acks_are_settled(view)) return false;
  const cluster::Following& following = *view.server.facts->following;
  if (!following.applier_runs || following.receiver == Receiver::Off) return false;
  return following.receiver == Receiver::On || view.lag_ms.value_or(0) <= policy.lost_source_lag_ms;
}

}  // namespace

std::string_view to_string(Action action) {
  switch (action) {
    case Action::Keep:
      return "keep";
    case Action::Fence:
      return "fence";
    case Action::Renew:
      return "renew";
    case Action::Lead:
      return "lead";
    case Action::UpdateMember:
      return "update_member";
    case Action::Initialise:
      return "initialise";
    case Action::StartOver:
      return "start_over";
    case Action::Start:
      return "start";
    case Action::Clone:
      return "clone";
    case Action::AcceptData:
      return "accept_data";
    case Action::RequireAcks:
      return "require_acks";
    case Action::OpenForWrites:
      return "open_for_writes";
    case Action::GiveAcks:
      return "give_acks";
    case Action::StopAcks:
      return "stop_acks";
    case Action::StopReceiver:
      return "stop_receiver";
    case Action::StartApplier:
      return "start_applier";
    case Action::StopApplier:
      return "stop_applier";
    case Action::ChangeSource:
      return "change_source";
    case Action::StartReplication:
      return "start_replication";
  }
  DORSAL_CHECK(false);
}

Step decide(const View& view, const Policy& policy) {
  for (const Rule& rule : kRules) {
    if (auto step = rule.match(view, policy)) {
      step->rule = rule.name;
      return *std::move(step);
    }
  }
  DORSAL_CHECK(false);
}

bool holds_lease(const View& view, const Policy& policy) {
  return is_recorded_primary(view) && view.lease &&
         view.now < view.lease->sent + policy.lease_ttl - policy.lease_margin;
}

Role role_of(const View& view, const Policy& policy) {
  const cluster::Member* member = own_member(view);
  if (member == nullptr || !member->joined) return Role::Joining;
  if (view.server.process == Process::Stopped || view.server.process == Process::Starting) {
    return Role::Down;
  }
  if (!is_recorded_primary(view)) return Role::Replica;
  if (!holds_lease(view, policy)) return Role::Joining;
  return view.server.may_be_writable || lacks_replicas_for_acks(view) ? Role::Primary
                                                                      : Role::Joining;
}

bool is_healthy(const View& view, const Policy& policy) {
  if (own_member(view) == nullptr || !view.server.facts) return false;
  return is_recorded_primary(view) ? primary_is_healthy(view, policy)
                                   : replica_is_healthy(view, policy);
}

std::string describe_rules() {
  std::string page =
      "# What a node does, and why\n\n"
      "Printed from the table in `src/core/failover/decide.cc`; do not edit. Every tick a node "
      "takes one\n"
      "look at the store and at its server, and does what the first rule that matches says.\n\n"
      "| | rule | because |\n|---|---|---|\n";
  for (std::size_t i = 0; i < std::size(kRules); ++i) {
    page += fmt::format("| {} | `{}` | {} |\n", i + 1, kRules[i].name, kRules[i].reason);
  }
  return page;
}

}  // namespace dorsal::failover
