#include "core/failover/decide.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <tuple>

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
    {"fence_for_election",
     "While another primary is being elected nobody takes writes: they could not be acknowledged. "
     "Nor does anybody while the store is older than what its members remember.",
     rules::fence_for_election},
    {"kill_hung_server",
     "A primary's server that answers nothing for two seconds is killed where another node can "
     "take over.",
     rules::kill_hung_server},
    {"kill_without_storage",
     "So is that of a primary beside whose data nothing could be written for three seconds (a disk "
     "that is full, read-only or stalled), where another node is well.",
     rules::kill_without_storage},
    {"kill_without_door",
     "So is one that has let no new connection in for four seconds, though it answers those that "
     "it "
     "has (no descriptors are left, say), where another node is well.",
     rules::kill_without_door},
    {"kill_with_locked_accounts",
     "So is one that nobody can log in to, replicas neither, because a change of accounts has "
     "waited so long for their acknowledgements; once enough of them are there.",
     rules::kill_with_locked_accounts},
    {"hand_over",
     "A primary whose server does not run, or whose data is gone, says so, and nobody waits for "
     "its lease "
     "to "
     "run out.",
     rules::hand_over},
    {"begin_election",
     "A voter begins an election when the primary handed over or its lease ran out, and enough "
     "voters can be asked for it to come to an end.",
     rules::begin_election},
    {"ask_members",
     "While the store is out of reach the primary goes on for as long as every other member, asked "
     "directly five times in the length of the lease, agrees.",
     rules::ask_members},
    {"renew_lease",
     "The recorded primary renews its lease five times in its length, also while its server is "
     "being "
     "started.",
     rules::renew_lease},
    {"remember",
     "A node keeps in its own folder which changes of leader and votes it has seen, before it acts "
     "on them.",
     rules::remember},
    {"leave_unknown_server",
     "A node that the store does not know, being removed while its agent stood still for one, "
     "kills "
     "its server, which might still acknowledge writes.",
     rules::leave_unknown_server},
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
     "Initialising, putting aside, removing and cloning run beside the ticks, one at a time.",
     rules::wait_for_job},
    {"refuse_primary_without_data",
     "A primary whose data is gone must not come back empty: its replicas would follow it into "
     "nothing.",
     rules::refuse_primary_without_data},
    {"forget_member_without_data",
     "A replica that lost its data is none until it has been cloned anew.",
     rules::forget_member_without_data},
    {"leave_without_data",
     "A vote that stands for data which is gone is marked as leaving.",
     rules::leave_without_data},
    {"withdraw", "Who is marked and gives no acknowledgements any more says so.", rules::withdraw},
    {"initialise_empty_folder",
     "Every node initialises a data folder of its own at once; a clone needs a running server.",
     rules::initialise_empty_folder},
    {"start_over_half_made_folder",
     "An initialisation that was killed has put nothing into place, so it simply starts over.",
     rules::start_over_half_made_folder},
    {"set_damaged_data_aside",
     "A replica whose server dies each time before it has caught up, since its data is damaged, "
     "sets "
     "it aside and is cloned anew.",
     rules::set_damaged_data_aside},
    {"rest_before_next_start",
     "A server that keeps dying is started at growing intervals, and the last error of its log is "
     "shown.",
     rules::rest_before_next_start},
    {"stay_away",
     "A node that was asked to leave, and whose vote is gone, starts no server any more.",
     rules::stay_away},
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
    {"begin_election_after_restore",
     "When the store has been put back to an older state, the node that remembers most begins an "
     "election in which every member promises, as the votes in the store mean nothing any more.",
     rules::begin_election_after_restore},
    {"refuse_old_store",
     "Until then nobody follows or leads anything: the store has forgotten a term, or votes.",
     rules::refuse_old_store},
    {"receive_up_to_barrier",
     "The candidate of a switchover goes on until it has all that the old primary wrote.",
     rules::receive_up_to_barrier},
    {"stop_receiving_for_election",
     "Who takes part receives nothing more from the old primary, so that it gets no "
     "acknowledgements.",
     rules::stop_receiving_for_election},
    {"sync_for_election",
     "What it has received is on disk before it says so.",
     rules::sync_for_election},
    {"promise",
     "Then it promises so for good, with all that it has received; the old primary promises too, "
     "once it takes no writes.",
     rules::promise},
    {"apply_for_election",
     "Everything received is applied: a relay log with unapplied transactions is never thrown "
     "away.",
     rules::apply_for_election},
    {"wait_for_candidate",
     "Who could lead as well leaves the candidate of a switchover some time.",
     rules::wait_for_candidate},
    {"lead_as_elected",
     "Once all voters but one fewer than a write needs have promised, whatever was acknowledged is "
     "held by one of them; the one that has all that any of them has takes the new term.",
     rules::lead_as_elected},
    {"wait_for_election", "Until then nobody follows or leads anything.", rules::wait_for_election},
    {"forget_source",
     "A new primary forgets its old source before it takes a write.",
     rules::forget_source},
    {"accept_own_data",
     "The first primary's empty data becomes the cluster's, on disk before in the store.",
     rules::accept_own_data},
    {"record_primary_as_joined",
     "The first primary joins before it takes its first write, so that lost data is noticed from "
     "then "
     "on.",
     rules::record_primary_as_joined},
    {"give_up_switchover",
     "Before anything has changed, whatever speaks against a switchover ends it, and all stays as "
     "it was.",
     rules::give_up_switchover},
    {"refuse_lost_transactions",
     "A primary whose executed set does not hold all that its voters have has lost data, and takes "
     "no "
     "writes.",
     rules::refuse_lost_transactions},
    {"require_acks_before_writes",
     "Semi-sync is switched on before writes are allowed: switched on late it lets flushed commits "
     "through unacknowledged.",
     rules::require_acks_before_writes},
    {"record_fewer_acks",
     "Where an operator wants fewer acknowledgements, elections count on fewer before fewer are "
     "required.",
     rules::record_fewer_acks},
    {"record_more_acks",
     "Where more are wanted, more are required first, and elections count on them once as many "
     "voters have all that was written before.",
     rules::record_more_acks},
    {"go_unprotected",
     "In mode available a primary that has waited for acknowledgements for ten seconds, or that no "
     "replica can give any, goes on without them, and in mode async it does at once; the store "
     "knows it before the first such write.",
     rules::go_unprotected},
    {"stop_acks_unprotected", "Only then are they switched off.", rules::stop_acks_unprotected},
    {"require_acks_again",
     "When enough voters are back, acknowledgements are required again.",
     rules::require_acks_again},
    {"end_unprotected",
     "Once they have all that was written without, writes are protected.",
     rules::end_unprotected},
    {"fence_without_replicas",
     "Where no replica can acknowledge a write any more before it is made anew, as its data is "
     "lost, has strays or is left behind, none is taken: clients that wait would keep a clone from "
     "ending, and with it the first new replica.",
     rules::fence_without_replicas},
    {"say_what_others_need",
     "Whatever a vote that was withdrawn may have stood for is in the primary's binlog by then.",
     rules::say_what_others_need},
    {"wait_for_replicas",
     "Such a primary serves reads and clones, and takes writes again when a replica has joined.",
     rules::wait_for_replicas},
    {"alarm_on_fall_back",
     "Whether acknowledgements are really demanded is read back, never assumed.",
     rules::alarm_on_fall_back},
    {"wait_for_lease", "A primary without its lease takes no writes.", rules::wait_for_lease},
    {"elect_for_switchover",
     "Once the primary takes no more writes, what it has is all that the candidate must have.",
     rules::elect_for_switchover},
    {"close_for_switchover",
     "Transactions that are open may end, for a while; then nothing more is written.",
     rules::close_for_switchover},
    {"hold_for_switchover",
     "When the candidate is close and says that it is ready, proxies hold back what would begin on "
     "the primary.",
     rules::hold_for_switchover},
    {"open_for_writes",
     "Everything before this rule holds: the recorded primary, with its lease, with all data, and "
     "with acknowledgements required if they ever were.",
     rules::open_for_writes},
    {"require_first_acks",
     "As soon as enough replicas have joined to give them, acknowledgements are required.",
     rules::require_first_acks},
    {"record_required_acks",
     "The primary's own vote in the store says that acknowledgements are required; replicas become "
     "voters only after it, and what was written before is not protected yet.",
     rules::record_required_acks},
    {"take_out",
     "Once as many others as a write needs have all of that, the vote is gone and elections are "
     "counted without it.",
     rules::take_out},
    {"forget_removed",
     "The primary makes the store forget a node that was asked to leave, once it is gone and has "
     "no vote.",
     rules::forget_removed},
    {"alarm_unprotected",
     "While they are not protected nobody takes over by itself, and that is said.",
     rules::alarm_unprotected},
    {"wait_for_protection",
     "Nor does anybody where acknowledgements have just begun, before enough voters have all that "
     "was written until then.",
     rules::wait_for_protection},
    {"alarm_on_primary_storage",
     "Where no other node is better off, a primary whose disk is full goes on as long as it can.",
     rules::alarm_on_primary_storage},
    {"alarm_on_closed_primary",
     "So does one that lets no new connection in.",
     rules::alarm_on_closed_primary},
    {"lead", "The primary has nothing else to do.", rules::lead},
    {"leave_for_good",
     "A node that was asked to leave stops its server once it has no vote.",
     rules::leave_for_good},
    {"restart_on_request",
     "A replica's server is started anew when an operator asks for it; a primary hands over first.",
     rules::restart_on_request},
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
    {"leave_for_rebuild",
     "Who is to be cloned anew is marked as leaving its vote first.",
     rules::leave_for_rebuild},
    {"leave_on_request",
     "So is who was asked to leave, or never is to lead, where enough others give "
     "acknowledgements.",
     rules::leave_on_request},
    {"save_strays",
     "What only this node has is put aside, as binlog and as SQL, before anything is dropped.",
     rules::save_strays},
    {"give_up_data",
     "A vote that nobody can take over is recorded as lost before what it stood for is dropped.",
     rules::give_up_data},
    {"rebuild",
     "A replica with strays, or left behind by purged binlogs, is cloned anew by itself, one at a "
     "time and only from a primary at work.",
     rules::rebuild},
    {"refuse_strays", "It says so, and serves nothing.", rules::refuse_strays},
    {"kill_waiting_clients",
     "A primary that is none any more and whose clients still wait for acknowledgements is killed: "
     "nothing else keeps them from being told of writes that may be lost.",
     rules::kill_waiting_clients},
    {"stop_requiring_acks",
     "Without such clients it requires no acknowledgements any more, for which its applier would "
     "wait; a voter that has applied everything receives from the next primary first.",
     rules::stop_requiring_acks},
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
    {"sync_relay_log",
     "What is received is on disk before it is acknowledged.",
     rules::sync_relay_log},
    {"give_acks_as_voter",
     "A voter is first recorded in the store, then gives acknowledgements.",
     rules::give_acks_as_voter},
    {"stop_acks_without_vote",
     "Semi-sync counts replicas, not names, so nobody else may give any.",
     rules::stop_acks_without_vote},
    {"stop_acks_far_behind",
     "A voter that is more than ten seconds behind, where enough others acknowledge writes, gives "
     "no acknowledgements until it has received what it lacks; nor does one that was just started.",
     rules::stop_acks_far_behind},
    {"stop_syncing",
     "Who has to catch up and acknowledges nothing need not sync its relay log with each event, "
     "which makes it many times faster.",
     rules::stop_syncing},
    {"receive_before_applying",
     "As its server takes up to a second to require no acknowledgements any more, it gives some "
     "before.",
     rules::receive_before_applying},
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
    {"refuse_election",
     "Where a fail-over could lose acknowledged writes there is none, and what is missing is said.",
     rules::refuse_election},
    {"alarm_on_storage",
     "A replica beside whose data nothing can be written is not well, and never leads.",
     rules::alarm_on_storage},
    {"alarm_on_closed_door",
     "Nor is one well that lets no new connection in.",
     rules::alarm_on_closed_door},
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
  if (facts.source_semi_sync) return facts.source_semi_sync_active;
  return !acks_are_required(view) || view.topology.leadership.unprotected;
}

// True when this replica gives acknowledgements, or none are wanted of it or of anybody.
bool acks_are_settled(const View& view) {
  if (!acks_are_required(view)) return !acks_are_possible(view);
  const bool gives_acks = view.server.facts->replica_semi_sync;
  return may_vote(view) ? is_voter(view) && gives_acks : !gives_acks;
}

// A replica stays healthy when its primary is gone, since it still serves reads.
bool replica_is_healthy(const View& view, const Policy& policy) {
  if (!own_member(view)->joined || view.server.stage != cluster::DataStage::Member) return false;
  if (!follows_primary(view) || !strays(view).empty() || is_left_behind(view)) return false;
  if (!acks_are_settled(view)) return false;
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
    case Action::Kill:
      return "kill";
    case Action::Renew:
      return "renew";
    case Action::Lead:
      return "lead";
    case Action::HandOver:
      return "hand_over";
    case Action::Elect:
      return "elect";
    case Action::AskMembers:
      return "ask_members";
    case Action::ChangeProtection:
      return "change_protection";
    case Action::ChangeSwitchover:
      return "change_switchover";
    case Action::CloseForWrites:
      return "close_for_writes";
    case Action::Promise:
      return "promise";
    case Action::Remember:
      return "remember";
    case Action::UpdateMember:
      return "update_member";
    case Action::ForgetMember:
      return "forget_member";
    case Action::ChangeVotes:
      return "change_votes";
    case Action::Initialise:
      return "initialise";
    case Action::StartOver:
      return "start_over";
    case Action::SaveStrays:
      return "save_strays";
    case Action::SetDataAside:
      return "set_data_aside";
    case Action::DropData:
      return "drop_data";
    case Action::Start:
      return "start";
    case Action::Restart:
      return "restart";
    case Action::Clone:
      return "clone";
    case Action::AcceptData:
      return "accept_data";
    case Action::RequireAcks:
      return "require_acks";
    case Action::StopRequiringAcks:
      return "stop_requiring_acks";
    case Action::OpenForWrites:
      return "open_for_writes";
    case Action::GiveAcks:
      return "give_acks";
    case Action::StopAcks:
      return "stop_acks";
    case Action::SyncRelayLog:
      return "sync_relay_log";
    case Action::StopSyncing:
      return "stop_syncing";
    case Action::StartReceiver:
      return "start_receiver";
    case Action::StopReceiver:
      return "stop_receiver";
    case Action::StartApplier:
      return "start_applier";
    case Action::StopApplier:
      return "stop_applier";
    case Action::AwaitApplier:
      return "await_applier";
    case Action::ForgetSource:
      return "forget_source";
    case Action::ChangeSource:
      return "change_source";
    case Action::StartReplication:
      return "start_replication";
  }
  DORSAL_CHECK(false);
}

std::span<const Rule> rule_table() { return kRules; }

Step decide(const View& view, const Policy& policy) { return decide_by(kRules, view, policy); }

Step decide_by(std::span<const Rule> rules, const View& view, const Policy& policy) {
  for (const Rule& rule : rules) {
    if (auto step = rule.match(view, policy)) {
      step->rule = rule.name;
      return *std::move(step);
    }
  }
  DORSAL_CHECK(false);
}

bool changes_leadership(Action action) {
  return action == Action::Renew || action == Action::Lead || action == Action::HandOver ||
         action == Action::Elect || action == Action::ChangeVotes ||
         action == Action::ChangeSwitchover || action == Action::ChangeProtection;
}

namespace {

// Without a vote of the primary's own nobody would require acknowledgements. One that an operator
// has chosen may have given up its vote.
void give_vote_to_leader(const View& view, cluster::Leadership& next) {
  if (next.votes.empty()) return;  // nobody has joined yet
  const auto& election = view.topology.leadership.election;
  const bool is_forced = election && election->may_lose_writes;
  const bool has_none = view.topology.vote_of(view.self) == nullptr;
  if (is_forced || has_none) next.votes[view.self] = cluster::Vote();
}

void take_lead(const Step& step, const View& view, cluster::Leadership& next) {
  const bool was_after_restore = next.election && next.election->after_restore;
  next.term = next.election ? next.election->term : cluster::Term(1);
  next.primary = view.self;
  next.election.reset();
  next.switchover.reset();
  next.elected_with = step.elected_with;
  // What the old primary said that others need may be lost with it: nobody was told of that.
  for (auto& [name, vote] : next.votes) vote.needed.reset();
  give_vote_to_leader(view, next);
  next.acks = view.topology.acks_in_force();
  // Who has acknowledged what was written since is not in the store any more.
  if (was_after_restore) next.unprotected = !next.votes.empty();
}

}  // namespace

cluster::Leadership leadership_after(const Step& step,
                                     const View& view,
                                     const Policy& policy,
                                     std::int64_t wall_ms) {
  cluster::Leadership next = view.topology.leadership;
  const bool counts = step.action == Action::Lead || step.action == Action::Elect ||
                      step.action == Action::ChangeProtection || step.action == Action::ChangeVotes;
  // An agent that counts none may have written it.
  if (counts) next.changes = next.changes == 0 ? view.topology.next_change() : next.changes + 1;
  switch (step.action) {
    case Action::Lead:
      take_lead(step, view, next);
      [[fallthrough]];
    case Action::Renew:
      next.handed_over = false;
      next.renewals += 1;
      next.renewed_ms = wall_ms;
      next.lease_ms =
          std::chrono::duration_cast<std::chrono::milliseconds>(policy.lease_ttl).count();
      break;
    case Action::HandOver:
      next.handed_over = true;
      break;
    case Action::Elect:
      next.election = cluster::Election{view.topology.next_term(), view.self, step.reason, wall_ms};
      next.election->after_restore = step.after_restore;
      if (step.after_restore) next.changes = view.topology.next_change();
      next.election->candidate = step.candidate;
      next.election->barrier = step.barrier;
      // A primary itself begins none before it takes no more writes.
      next.handed_over = next.handed_over || is_recorded_primary(view);
      break;
    case Action::ChangeSwitchover:
      next.switchover = step.switchover;
      break;
    case Action::ChangeProtection:
      next.unprotected = step.unprotected;
      next.acks = step.acks;
      break;
    case Action::ChangeVotes:
      next.votes = *step.votes;
      next.unprotected = next.unprotected || step.unprotected;
      break;
    default:
      DORSAL_CHECK(false);
  }
  return next;
}

bool is_news(const cluster::Topology& before, const cluster::Topology& after) {
  const auto who_leads = [](const cluster::Leadership& each) {
    const cluster::Term election = each.election ? each.election->term : cluster::Term();
    return std::make_tuple(each.term,
                           each.primary,
                           each.handed_over,
                           election,
                           each.votes,
                           each.switchover,
                           each.unprotected,
                           each.acks);
  };
  const auto how_it_is = [](const cluster::Node& each) {
    const cluster::Term promised = each.promise ? each.promise->term : cluster::Term();
    return std::make_tuple(each.member.name,
                           each.member.address,
                           each.member.joined,
                           each.member.restart_asked_ms,
                           each.member.rebuild_asked_ms,
                           each.member.removal_asked_ms,
                           each.state.role,
                           each.state.healthy,
                           each.state.useless,
                           each.state.ready_for_ms,
                           promised);
  };
  if (who_leads(before.leadership) != who_leads(after.leadership)) return true;
  if (before.charter.mode != after.charter.mode || before.charter.acks != after.charter.acks) {
    return true;
  }
  if (before.pause.has_value() != after.pause.has_value()) return true;
  return !std::equal(before.nodes.begin(),
                     before.nodes.end(),
                     after.nodes.begin(),
                     after.nodes.end(),
                     [&](const cluster::Node& left, const cluster::Node& right) {
                       return how_it_is(left) == how_it_is(right);
                     });
}

bool is_another_phase(const cluster::Leadership& before, const cluster::Leadership& after) {
  const auto phase = [](const cluster::Leadership& each) {
    const cluster::Term election = each.election ? each.election->term : cluster::Term();
    return std::make_tuple(each.term, election, each.switchover);
  };
  return phase(before) != phase(after);
}

TimePoint end_of(const Lease& lease, const Policy& policy) {
  return lease.sent + policy.lease_ttl - policy.lease_margin();
}

bool holds_lease(const View& view, const Policy& policy) {
  return is_recorded_primary(view) && view.lease && view.now < end_of(*view.lease, policy);
}

Role role_of(const View& view, const Policy& policy) {
  const cluster::Member* member = own_member(view);
  const bool is_gone = has_left_for_good(view) && view.server.process == Process::Stopped;
  if (is_gone) return Role::Down;
  if (member == nullptr || !member->joined) return Role::Joining;
  if (view.server.process == Process::Stopped || view.server.process == Process::Starting) {
    return Role::Down;
  }
  if (!is_recorded_primary(view)) return Role::Replica;
  if (!holds_lease(view, policy)) return Role::Joining;
  return view.server.may_be_writable || lacks_replicas_for_acks(view) ? Role::Primary
                                                                      : Role::Joining;
}

std::int64_t ready_for_ms(const View& view) {
  const auto& switchover = view.topology.leadership.switchover;
  const bool is_candidate = switchover && switchover->is_under_way() && switchover->to == view.self;
  return is_candidate ? switchover->begun_ms : 0;
}

bool is_healthy(const View& view, const Policy& policy) {
  if (own_member(view) == nullptr || !view.server.facts) return false;
  if (!could_serve(view, policy)) return false;
  return is_recorded_primary(view) ? primary_is_healthy(view, policy)
                                   : replica_is_healthy(view, policy);
}

bool is_well(const View& view, const Policy& policy) {
  return is_healthy(view, policy) && view.lag_ms && *view.lag_ms <= policy.caught_up_lag_ms;
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
