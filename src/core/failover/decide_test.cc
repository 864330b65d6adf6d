#include "core/failover/decide.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

using cluster::CloneState;
using cluster::DataStage;
using cluster::Mode;
using cluster::Node;
using cluster::NodeName;
using cluster::Process;
using cluster::Receiver;
using cluster::Role;
using cluster::Vote;

std::string show(const View& view) {
  const Step step = decide(view, Policy());
  std::string text = std::string(step.rule) + " -> " + std::string(to_string(step.action));
  if (step.peer) text += " " + step.peer->value();
  if (step.member) text += std::string(" joined=") + (step.member->joined ? "yes" : "no");
  if (step.votes) {
    for (const auto& [name, vote] : *step.votes) {
      text += fmt::format(" {}={}", name.value(), cluster::to_string(vote.state));
      if (vote.needed) text += " needed " + *vote.needed;
    }
  }
  return text;
}

using Change = std::function<void(View&)>;

struct Case {
  const char* claim;
  View (*view)();
  Change change;
  std::string expected;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    View view = each.view();
    each.change(view);
    EXPECT_EQ(show(view), each.expected) << each.claim;
  }
}

void nothing(View&) {}

void syncs(View& view) { view.server.facts->syncs_relay_log = true; }

TEST(Decide, WhoMayWrite) {
  expect_all({
      {"a primary at work has nothing to do", primary_view, nothing, "lead -> keep"},
      {"a primary whose lease ran out is fenced",
       primary_view,
       [](View& v) { v.lease->sent = kNow - std::chrono::seconds(2); },
       "fence_without_lease -> fence"},
      {"a primary stays until just before that",
       primary_view,
       [](View& v) { v.lease->sent = kNow - std::chrono::milliseconds(1999); },
       "lead -> keep"},
      {"a silent store alone fences nobody",
       primary_view,
       [](View& v) {
         v.store_answers = false;
         v.renewal_tried = kNow - std::chrono::seconds(5);
       },
       "lead -> keep"},
      {"a deposed primary is fenced, whatever its lease",
       primary_view,
       [](View& v) { v.topology.leadership.primary = NodeName("node2"); },
       "fence_without_lease -> fence"},
      {"a silent server that was writable is fenced too",
       primary_view,
       [](View& v) {
         v.server.facts.reset();
         v.server.process = Process::Silent;
         v.lease.reset();
       },
       "fence_without_lease -> fence"},
      {"a replica that somebody made writable is fenced",
       replica_view,
       [](View& v) { v.server.may_be_writable = true; },
       "fence_without_lease -> fence"},
      {"the lease is renewed five times in its length",
       primary_view,
       [](View& v) { v.renewal_tried = kNow - std::chrono::milliseconds(500); },
       "renew_lease -> renew"},
      {"a fenced primary gets its lease back first",
       booted_primary_view,
       [](View& v) {
         v.lease.reset();
         v.renewal_tried.reset();
       },
       "renew_lease -> renew"},
      {"and waits for it",
       booted_primary_view,
       [](View& v) {
         v.server.facts->source_semi_sync = v.server.facts->source_semi_sync_active = true;
         v.lease.reset();
       },
       "wait_for_lease -> keep"},
      {"a node that was taken out of the store acknowledges nothing more",
       replica_view,
       [](View& v) { v.topology.nodes.erase(v.topology.nodes.begin() + 1); },
       "leave_unknown_server -> kill"},
      {"and does nothing",
       replica_view,
       [](View& v) {
         v.topology.nodes.erase(v.topology.nodes.begin() + 1);
         v.server.process = Process::Stopped;
       },
       "wait_for_admission -> keep"},
      {"as long as the store says so",
       replica_view,
       [](View& v) {
         v.topology.nodes.erase(v.topology.nodes.begin() + 1);
         v.store_answers = false;
       },
       "wait_for_admission -> keep"},
  });
}

TEST(Decide, AnEmptyClusterGetsItsFirstPrimaryOnce) {
  expect_all({
      {"any node may lead first", empty_cluster_view, nothing, "lead_empty_cluster -> lead"},
      {"not without the store's word",
       empty_cluster_view,
       [](View& v) { v.store_answers = false; },
       "initialise_empty_folder -> initialise"},
      {"old data founds no new cluster",
       empty_cluster_view,
       [](View& v) { v.server.stage = DataStage::Member; },
       "refuse_old_data_in_empty_cluster -> keep"},
      {"its data becomes the cluster's",
       booted_primary_view,
       [](View& v) {
         v.server.stage = DataStage::Fresh;
         v.topology.leadership.votes.clear();
         for (Node& each : v.topology.nodes) each.member.joined = false;
       },
       "accept_own_data -> accept_data"},
      {"it joins before it takes writes",
       booted_primary_view,
       [](View& v) {
         v.topology.leadership.votes.clear();
         for (Node& each : v.topology.nodes) each.member.joined = false;
       },
       "record_primary_as_joined -> update_member joined=yes"},
  });
}

TEST(Decide, FoldersAndProcesses) {
  expect_all({
      {"an empty folder is initialised",
       newcomer_view,
       [](View& v) { v.server = cluster::Server(); },
       "initialise_empty_folder -> initialise"},
      {"an interrupted initialisation starts over",
       newcomer_view,
       [](View& v) {
         v.server = cluster::Server();
         v.server.stage = DataStage::HalfMade;
       },
       "start_over_half_made_folder -> initialise"},
      {"while a job runs nothing else is begun",
       newcomer_view,
       [](View& v) {
         v.server = cluster::Server();
         v.job = Job::Initialise;
       },
       "wait_for_job -> keep"},
      {"a primary without data does not come back empty where nobody can take over",
       booted_primary_view,
       [](View& v) {
         v.server = cluster::Server();
         take_vote(v, "node1");
       },
       "refuse_primary_without_data -> keep"},
      {"a replica without data is none",
       replica_view,
       [](View& v) { v.server = cluster::Server(); },
       "forget_member_without_data -> update_member joined=no"},
      {"then its vote is marked",
       replica_view,
       [](View& v) {
         v.server = cluster::Server();
         own(v).joined = false;
       },
       "leave_without_data -> change_votes node1=counts node2=leaving node3=counts"},
      {"then recorded as lost",
       replica_view,
       [](View& v) {
         v.server = cluster::Server();
         own(v).joined = false;
         mark(v, "node2", Vote::State::Leaving);
       },
       "withdraw -> change_votes node1=counts node2=lost node3=counts"},
      {"and then it gets a new folder",
       replica_view,
       [](View& v) {
         v.server = cluster::Server();
         own(v).joined = false;
         mark(v, "node2", Vote::State::Lost);
       },
       "initialise_empty_folder -> initialise"},
      {"a server that is not there is started",
       replica_view,
       [](View& v) {
         v.server.process = Process::Stopped;
         v.server.facts.reset();
       },
       "start_server -> start"},
      {"one that keeps dying rests",
       replica_view,
       [](View& v) {
         v.server.process = Process::Stopped;
         v.server.facts.reset();
         v.resting = {Action::Start};
       },
       "rest_before_next_start -> keep"},
      {"one that recovers is left alone",
       replica_view,
       [](View& v) {
         v.server.process = Process::Starting;
         v.server.facts.reset();
       },
       "wait_for_server -> keep"},
      {"a completed clone is taken over",
       newcomer_view,
       [](View& v) {
         v.server.stage = DataStage::Cloning;
         v.server.facts->clone.state = CloneState::Completed;
       },
       "accept_completed_clone -> accept_data"},
      {"an interrupted clone starts over",
       newcomer_view,
       [](View& v) {
         v.server.stage = DataStage::Cloning;
         v.server.facts->clone.state = CloneState::Failed;
       },
       "start_over_broken_clone -> start_over"},
  });
}

TEST(Decide, ThePrimaryOpensForWritesLast) {
  expect_all({
      {"lost transactions keep it closed",
       booted_primary_view,
       [](View& v) { v.topology.nodes[1].state.gtid_executed = from_one("1-101"); },
       "refuse_lost_transactions -> keep"},
      {"what a node without a vote has does not count",
       booted_primary_view,
       [](View& v) {
         v.topology.nodes[1].state.gtid_executed = from_one("1-101");
         take_vote(v, "node2");
       },
       "require_acks_before_writes -> require_acks"},
      {"nor does what that node wrote itself, as it never led",
       booted_primary_view,
       [](View& v) { v.topology.nodes[1].state.gtid_executed += "," + from_two("1"); },
       "require_acks_before_writes -> require_acks"},
      {"acknowledgements are required before it opens",
       booted_primary_view,
       nothing,
       "require_acks_before_writes -> require_acks"},
      {"then it opens",
       booted_primary_view,
       [](View& v) {
         v.server.facts->source_semi_sync = v.server.facts->source_semi_sync_active = true;
       },
       "open_for_writes -> open_for_writes"},
      {"without replicas it opens unprotected",
       booted_primary_view,
       [](View& v) {
         v.topology.leadership.votes.clear();
         for (Node& each : v.topology.nodes) {
           each.member.joined = each.member.name == v.self;
         }
       },
       "open_for_writes -> open_for_writes"},
      {"without anybody left to acknowledge it takes no writes",
       primary_view,
       [](View& v) {
         for (Node& each : v.topology.nodes) each.member.joined = each.member.name == v.self;
       },
       "fence_without_replicas -> fence"},
      {"until one has joined",
       primary_view,
       [](View& v) {
         v.server.may_be_writable = v.server.facts->writable = false;
         for (Node& each : v.topology.nodes) each.member.joined = each.member.name == v.self;
       },
       "wait_for_replicas -> keep"},
      {"nor while those that are left have strays and another is being made",
       primary_view,
       [](View& v) {
         find(v, "node2").member.joined = false;
         find(v, "node2").state.role = Role::Joining;
         find(v, "node3").state.gtid_executed = from_two("1");
       },
       "fence_without_replicas -> fence"},
      {"or have given up their votes",
       primary_view,
       [](View& v) {
         find(v, "node2").member.joined = false;
         find(v, "node2").state.role = Role::Joining;
         v.topology.leadership.votes[cluster::NodeName("node3")] = {Vote::State::Withdrawn, ""};
       },
       "fence_without_replicas -> fence"},
      {"or are left behind without a vote",
       primary_view,
       [](View& v) {
         find(v, "node2").member.joined = false;
         find(v, "node2").state.role = Role::Joining;
         find(v, "node2").state.gtid_executed.clear();
         v.server.facts->purged = gtids(from_one("1-90"));
         find(v, "node3").state.gtid_executed = from_one("1-80");
         take_vote(v, "node3");
       },
       "fence_without_replicas -> fence"},
      {"but a voter may have received what is purged",
       primary_view,
       [](View& v) {
         find(v, "node2").member.joined = false;
         v.server.facts->purged = gtids(from_one("1-90"));
         find(v, "node3").state.gtid_executed = from_one("1-80");
       },
       "lead -> keep"},
      {"but who has strays, itself, drops them beside a primary at work",
       primary_view,
       [](View& v) {
         for (const char* name : {"node2", "node3"}) {
           find(v, name).member.joined = false;
           find(v, name).state.role = Role::Joining;
           find(v, name).state.gtid_executed = from_two("1");
         }
       },
       "lead -> keep"},
      {"a fall-back is told",
       primary_view,
       [](View& v) { v.server.facts->source_semi_sync_active = false; },
       "alarm_on_fall_back -> keep"},
      {"the first replica to join turns acknowledgements on",
       primary_view,
       [](View& v) {
         v.server.facts->source_semi_sync = v.server.facts->source_semi_sync_active = false;
         v.topology.leadership.votes.clear();
         v.topology.nodes[2].member.joined = false;
       },
       "require_first_acks -> require_acks"},
      {"two acknowledgements need two replicas",
       primary_view,
       [](View& v) {
         v.server.facts->source_semi_sync = v.server.facts->source_semi_sync_active = false;
         v.topology.leadership.votes.clear();
         v.topology.nodes[2].member.joined = false;
         v.topology.charter.acks = 2;
       },
       "lead -> keep"},
      {"that they are required is recorded after they are",
       primary_view,
       [](View& v) { v.topology.leadership.votes.clear(); },
       "record_required_acks -> change_votes node1=counts"},
      {"in asynchronous mode none are",
       booted_primary_view,
       [](View& v) {
         v.topology.charter.mode = Mode::Async;
         v.topology.leadership.votes.clear();
       },
       "open_for_writes -> open_for_writes"},
  });
}

TEST(Decide, AFreshNodeIsClonedFromAReplicaIfOneIsWell) {
  expect_all({
      {"from the primary when there is nobody else",
       newcomer_view,
       [](View& v) { v.server.stage = DataStage::Fresh; },
       "clone_fresh_node -> clone node1"},
      {"from a replica otherwise",
       newcomer_view,
       [](View& v) {
         v.server.stage = DataStage::Fresh;
         v.topology.nodes[2] = settled().nodes[2];
       },
       "clone_fresh_node -> clone node3"},
      {"not from one that is unwell",
       newcomer_view,
       [](View& v) {
         v.server.stage = DataStage::Fresh;
         v.topology.nodes[2] = settled().nodes[2];
         v.topology.nodes[2].state.healthy = false;
       },
       "clone_fresh_node -> clone node1"},
      {"from a primary that waits for its first replica, too",
       newcomer_view,
       [](View& v) {
         v.server.stage = DataStage::Fresh;
         v.topology.nodes[0].state.healthy = false;
       },
       "clone_fresh_node -> clone node1"},
      {"not at once again after a refusal",
       newcomer_view,
       [](View& v) {
         v.server.stage = DataStage::Fresh;
         v.resting = {Action::Clone};
       },
       "wait_for_donor -> keep"},
      {"not before there is a primary",
       newcomer_view,
       [](View& v) {
         v.server.stage = DataStage::Fresh;
         v.topology.leadership.primary = NodeName("node9");
       },
       "wait_for_primary -> keep"},
  });
}

TEST(Decide, ANewcomerJoinsWhenItHasCaughtUp) {
  expect_all({
      {"a clone turns to the primary",
       newcomer_view,
       [](View& v) { v.server.facts->following.reset(); },
       "change_source -> change_source node1"},
      {"then replicates",
       newcomer_view,
       [](View& v) {
         v.server.facts->following->receiver = Receiver::Off;
         v.server.facts->following->applier_runs = false;
       },
       "start_replication -> start_replication"},
      {"without a goal it has not caught up", newcomer_view, nothing, "catch_up -> keep"},
      {"with the goal reached what it received goes to disk",
       newcomer_view,
       [](View& v) { v.goal = gtids(from_one("1-100")); },
       "sync_relay_log -> sync_relay_log"},
      {"then it joins",
       newcomer_view,
       [](View& v) {
         syncs(v);
         v.goal = gtids(from_one("1-100"));
       },
       "join_when_caught_up -> update_member joined=yes"},
      {"until then nothing need be on disk", newcomer_view, syncs, "stop_syncing -> stop_syncing"},
      {"not while it lacks any of the goal",
       newcomer_view,
       [](View& v) { v.goal = gtids(from_one("1-101")); },
       "catch_up -> keep"},
      {"nor while it is seconds behind",
       newcomer_view,
       [](View& v) {
         v.goal = gtids(from_one("1-100"));
         v.lag_ms = 2001;
         v.topology.nodes[0].state.gtid_executed = from_one("1-5000");
       },
       "catch_up -> keep"},
      {"without heartbeats it is enough to have all",
       newcomer_view,
       [](View& v) {
         syncs(v);
         v.goal = gtids(from_one("1-100"));
         v.lag_ms.reset();
       },
       "join_when_caught_up -> update_member joined=yes"},
      {"no vote before acknowledgements are required",
       newcomer_view,
       [](View& v) {
         syncs(v);
         own(v).joined = true;
       },
       "follow -> keep"},
      {"a vote then",
       newcomer_view,
       [](View& v) {
         syncs(v);
         own(v).joined = true;
         give_vote(v, "node1");
       },
       "become_voter -> change_votes node1=counts node2=counts"},
      {"acknowledgements after the vote",
       newcomer_view,
       [](View& v) {
         syncs(v);
         own(v).joined = true;
         give_vote(v, "node2");
         give_vote(v, "node1");
       },
       "give_acks_as_voter -> give_acks"},
      {"none without it",
       replica_view,
       [](View& v) { take_vote(v, "node2"); },
       "stop_acks_without_vote -> stop_acks"},
  });
}

TEST(Decide, AVoterThatIsFarBehindReceivesWithoutSyncing) {
  const auto far_behind = [](View& v) {
    v.lag_ms = 10'001;
    find(v, "node1").state.gtid_executed = from_one("1-101");
    for (const char* name : {"node2", "node3"}) find(v, name).state.semi_sync = true;
    find(v, "node2").state.lag_ms = 10'001;
    find(v, "node3").state.lag_ms = 20;
  };
  const auto catching_up = [&](View& v) {
    far_behind(v);
    v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
    v.server.facts->syncs_relay_log = false;
  };
  expect_all({
      {"first it acknowledges nothing",
       replica_view,
       far_behind,
       "stop_acks_far_behind -> stop_acks"},
      {"not while it is only behind",
       replica_view,
       [&](View& v) {
         far_behind(v);
         v.lag_ms = 10'000;
       },
       "follow -> keep"},
      {"nor where nobody else acknowledges",
       replica_view,
       [&](View& v) {
         far_behind(v);
         find(v, "node3").state.semi_sync = false;
       },
       "follow -> keep"},
      {"or is far behind as well",
       replica_view,
       [&](View& v) {
         far_behind(v);
         find(v, "node3").state.lag_ms = 10'001;
       },
       "follow -> keep"},
      {"or where it has all that the primary has",
       replica_view,
       [&](View& v) {
         far_behind(v);
         v.server.facts->executed = gtids(from_one("1-101"));
       },
       "follow -> keep"},
      {"or has received it",
       replica_view,
       [&](View& v) {
         far_behind(v);
         v.server.facts->following->retrieved = gtids(from_one("1-101"));
       },
       "follow -> keep"},
      {"or where its source is out of reach",
       replica_view,
       [&](View& v) {
         far_behind(v);
         v.server.facts->following->receiver = Receiver::Connecting;
       },
       "wait_for_source -> keep"},
      {"then it syncs nothing",
       replica_view,
       [&](View& v) {
         catching_up(v);
         v.server.facts->syncs_relay_log = true;
       },
       "stop_syncing -> stop_syncing"},
      {"and says so", replica_view, catching_up, "follow -> keep"},
      {"also when it was just started, and is behind at all",
       replica_view,
       [&](View& v) {
         catching_up(v);
         v.lag_ms = 501;
         v.server.facts->following->receiver = Receiver::Off;
       },
       "start_replication -> start_replication"},
      {"until it has received what it lacks",
       replica_view,
       [&](View& v) {
         catching_up(v);
         v.server.facts->following->retrieved = gtids(from_one("1-101"));
       },
       "sync_relay_log -> sync_relay_log"},
      {"or is close",
       replica_view,
       [&](View& v) {
         catching_up(v);
         v.lag_ms = 500;
       },
       "sync_relay_log -> sync_relay_log"},
      {"or others no longer acknowledge",
       replica_view,
       [&](View& v) {
         catching_up(v);
         find(v, "node3").state.healthy = false;
       },
       "sync_relay_log -> sync_relay_log"},
      {"before it acknowledges again",
       replica_view,
       [&](View& v) {
         catching_up(v);
         v.lag_ms = 500;
         v.server.facts->syncs_relay_log = true;
       },
       "give_acks_as_voter -> give_acks"},
  });
}

TEST(Decide, ASourceIsChangedOnlyWhenNothingIsLeftToApply) {
  const auto other_source = [](View& v) {
    v.server.facts->following = following("127.0.0.1", 6049);
  };
  expect_all({
      {"the receiver stops first",
       replica_view,
       other_source,
       "stop_receiving_from_other_source -> stop_receiver"},
      {"what was received is applied",
       replica_view,
       [&](View& v) {
         other_source(v);
         v.server.facts->following->receiver = Receiver::Off;
         v.server.facts->following->retrieved = gtids(from_one("90-101"));
       },
       "apply_what_was_received -> keep"},
      {"by an applier that is started if need be",
       replica_view,
       [&](View& v) {
         other_source(v);
         v.server.facts->following->receiver = Receiver::Off;
         v.server.facts->following->applier_runs = false;
         v.server.facts->following->retrieved = gtids(from_one("90-101"));
       },
       "apply_what_was_received -> start_applier"},
      {"then the applier stops",
       replica_view,
       [&](View& v) {
         other_source(v);
         v.server.facts->following->receiver = Receiver::Off;
       },
       "stop_applier_before_change -> stop_applier"},
      {"then the source is changed",
       replica_view,
       [&](View& v) {
         other_source(v);
         v.server.facts->following->receiver = Receiver::Off;
         v.server.facts->following->applier_runs = false;
       },
       "change_source -> change_source node1"},
      {"a source that is right is left alone", replica_view, nothing, "follow -> keep"},
      {"one without our settings is not right",
       replica_view,
       [](View& v) { v.server.facts->following->is_as_we_configure = false; },
       "stop_receiving_from_other_source -> stop_receiver"},
  });
}

TEST(Decide, AReplicaWithStraysServesNothingAndIsRebuilt) {
  const auto strayed = [](View& v) {
    v.server.facts->executed = gtids(from_one("1-100") + "," + from_two("1"));
  };
  const auto put_aside = [&](View& v) {
    strayed(v);
    v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
    v.server.facts->following->receiver = Receiver::Off;
    v.server.saved_strays = gtids(from_two("1"));
    take_vote(v, "node2");
  };
  expect_all({
      {"it stops acknowledging", replica_view, strayed, "stop_acks_of_strays -> stop_acks"},
      {"then receiving",
       replica_view,
       [&](View& v) {
         strayed(v);
         v.server.facts->replica_semi_sync = false;
       },
       "stop_receiver_of_strays -> stop_receiver"},
      {"then it is marked",
       replica_view,
       [&](View& v) {
         strayed(v);
         v.server.facts->replica_semi_sync = false;
         v.server.facts->following->receiver = Receiver::Off;
       },
       "leave_for_rebuild -> change_votes node1=counts node2=leaving node3=counts"},
      {"then withdraws",
       replica_view,
       [&](View& v) {
         strayed(v);
         v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
         v.server.facts->following->receiver = Receiver::Off;
         mark(v, "node2", Vote::State::Leaving);
       },
       "withdraw -> change_votes node1=counts node2=withdrawn node3=counts"},
      {"and says so",
       replica_view,
       [&](View& v) {
         strayed(v);
         v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
         v.server.facts->following->receiver = Receiver::Off;
         mark(v, "node2", Vote::State::Withdrawn);
       },
       "save_strays -> save_strays"},
      {"what is put aside is dropped",
       replica_view,
       [&](View& v) { put_aside(v); },
       "rebuild -> drop_data"},
      {"not while its vote is to be taken out",
       replica_view,
       [&](View& v) {
         put_aside(v);
         mark(v, "node2", Vote::State::Withdrawn);
       },
       "refuse_strays -> keep"},
      {"where nobody can take it over it is recorded as lost",
       replica_view,
       [&](View& v) {
         put_aside(v);
         mark(v, "node2", Vote::State::Withdrawn);
         take_vote(v, "node3");
       },
       "give_up_data -> change_votes node1=counts node2=lost"},
      {"and then dropped",
       replica_view,
       [&](View& v) {
         put_aside(v);
         mark(v, "node2", Vote::State::Lost);
       },
       "rebuild -> drop_data"},
      {"nor while there is no primary at work",
       replica_view,
       [&](View& v) {
         put_aside(v);
         v.topology.nodes[0].state.healthy = false;
       },
       "refuse_strays -> keep"},
      {"nor during a pause",
       replica_view,
       [&](View& v) {
         put_aside(v);
         v.topology.pause.emplace();
       },
       "refuse_strays -> keep"},
      {"nor while another is being made",
       replica_view,
       [&](View& v) {
         put_aside(v);
         v.topology.nodes[2].member.joined = false;
       },
       "refuse_strays -> keep"},
      {"unless that is gone itself",
       replica_view,
       [&](View& v) {
         put_aside(v);
         mark(v, "node2", Vote::State::Lost);
         v.topology.nodes[2].member.joined = false;
         v.topology.nodes[2].state.role = Role::Down;
       },
       "rebuild -> drop_data"},
      {"of two that wait the first in the order of names begins",
       replica_view,
       [&](View& v) {
         put_aside(v);
         mark(v, "node3", Vote::State::Withdrawn);
         v.topology.nodes[2].state.healthy = false;
       },
       "rebuild -> drop_data"},
      {"what the primary may have taken since it last spoke is none, whoever wrote it",
       replica_view,
       [](View& v) {
         v.settled = gtids(from_one("1-100"));
         v.server.facts->executed.unite(gtids(from_two("1-5")));
       },
       "follow -> keep"},
      {"but its own writes are at once",
       replica_view,
       [](View& v) {
         v.settled = gtids(from_one("1-100"));
         v.server.facts->uuid = from_two("1").substr(0, 36);
         v.server.facts->executed.unite(gtids(from_two("1-5")));
       },
       "stop_acks_of_strays -> stop_acks"},
      {"and all that it has had for long",
       replica_view,
       [](View& v) {
         v.settled = gtids(from_one("1-100") + "," + from_two("1-2"));
         v.server.facts->executed.unite(gtids(from_two("1-5")));
       },
       "stop_acks_of_strays -> stop_acks"},
      {"the primary's newest writes are no strays",
       replica_view,
       [](View& v) { v.server.facts->executed = gtids(from_one("1-105")); },
       "follow -> keep"},
  });
}

TEST(Decide, AReplicaWhoseBinlogsArePurgedIsRebuilt) {
  const auto said_by_server = [](View& v) {
    v.server.facts->following->receiver = Receiver::Off;
    v.server.facts->following->receiver_error = 13114;
    v.server.facts->following->error_text =
        "Cannot replicate because the source purged required logs";
  };
  const auto left_behind = [&](View& v) {
    said_by_server(v);
    find(v, "node1").state.gtid_purged = from_one("1-101");
  };
  expect_all({
      {"it leaves its vote",
       replica_view,
       left_behind,
       "leave_for_rebuild -> change_votes node1=counts node2=leaving node3=counts"},
      {"gives no acknowledgements",
       replica_view,
       [&](View& v) {
         left_behind(v);
         mark(v, "node2", Vote::State::Leaving);
       },
       "stop_acks_without_vote -> stop_acks"},
      {"and is dropped",
       replica_view,
       [&](View& v) {
         left_behind(v);
         v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
         take_vote(v, "node2");
       },
       "rebuild -> drop_data"},
      {"also while it is not connected and its primary says so",
       replica_view,
       [](View& v) {
         v.server.facts->following->receiver = Receiver::Connecting;
         find(v, "node1").state.gtid_purged = from_one("1-101");
       },
       "leave_for_rebuild -> change_votes node1=counts node2=leaving node3=counts"},
      {"and does not become a voter again, whatever keeps it from being dropped",
       replica_view,
       [](View& v) {
         v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
         find(v, "node1").state.gtid_purged = from_one("1-101");
         find(v, "node1").state.healthy = false;
         take_vote(v, "node2");
       },
       "follow -> keep"},
      {"but not when it has received what is purged",
       replica_view,
       [](View& v) {
         v.server.facts->following->retrieved = gtids(from_one("101"));
         find(v, "node1").state.gtid_purged = from_one("1-101");
       },
       "follow -> keep"},
      {"what its server alone says is tried again",
       replica_view,
       said_by_server,
       "start_replication -> start_replication"},
  });
}

TEST(Decide, OnlyWhatMattersIsNews) {
  const cluster::Topology before = settled();
  const auto is_news_after = [&](const std::function<void(cluster::Topology&)>& change) {
    cluster::Topology after = before;
    change(after);
    return is_news(before, after);
  };
  using cluster::Topology;
  EXPECT_FALSE(is_news_after([](Topology& t) {
    t.leadership.renewals++;
    t.leadership.renewed_ms++;
    t.nodes[1].state.gtid_executed = from_one("1-200");
    t.nodes[1].state.lag_ms = 7;
    t.nodes[1].state.published_ms++;
  }));
  EXPECT_TRUE(is_news_after([](Topology& t) { t.leadership.handed_over = true; }));
  EXPECT_TRUE(is_news_after([](Topology& t) { t.leadership.term = cluster::Term(2); }));
  EXPECT_TRUE(is_news_after([](Topology& t) {
    t.leadership.election = cluster::Election{cluster::Term(2), NodeName("node2"), "", 0};
  }));
  EXPECT_TRUE(is_news_after([](Topology& t) { t.leadership.votes.clear(); }));
  EXPECT_TRUE(is_news_after([](Topology& t) { t.pause.emplace(); }));
  EXPECT_TRUE(is_news_after([](Topology& t) {
    t.nodes[2].promise = cluster::Promise{cluster::Term(2), "", true};
  }));
  EXPECT_TRUE(is_news_after([](Topology& t) { t.nodes[2].state.healthy = false; }));
  EXPECT_TRUE(is_news_after([](Topology& t) { t.nodes.pop_back(); }));
}

TEST(Decide, AVoteThatWasWithdrawnIsTakenOutWhenOthersHaveAll) {
  const auto withdrawn = [](View& v) { mark(v, "node3", Vote::State::Withdrawn); };
  const auto needs = [](View& v, const std::string& needed) {
    mark(v, "node3", Vote::State::Lost);
    v.topology.leadership.votes.at(NodeName("node3")).needed = needed;
  };
  expect_all({
      {"the primary says what that is, with what has no acknowledgement yet",
       primary_view,
       [&](View& v) {
         withdrawn(v);
         v.server.facts->in_flight = gtids(from_one("101"));
       },
       "say_what_others_need -> change_votes node1=counts node2=counts node3=withdrawn needed " +
           from_one("1-101")},
      {"another has it",
       primary_view,
       [&](View& v) { needs(v, from_one("1-100")); },
       "take_out -> change_votes node1=counts node2=counts"},
      {"nobody has it yet",
       primary_view,
       [&](View& v) { needs(v, from_one("1-101")); },
       "lead -> keep"},
      {"one is too few where two are needed",
       primary_view,
       [&](View& v) {
         needs(v, from_one("1-100"));
         v.topology.charter.acks = v.server.facts->required_acks = 2;
       },
       "lead -> keep"},
      {"another that leaves does not count",
       primary_view,
       [&](View& v) {
         needs(v, from_one("1-100"));
         mark(v, "node2", Vote::State::Leaving);
       },
       "lead -> keep"},
      {"it comes back by itself once it has all",
       replica_view,
       [&](View& v) {
         needs(v, from_one("1-100"));
         v.self = NodeName("node3");
         v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
       },
       "become_voter -> change_votes node1=counts node2=counts node3=counts"},
      {"not before that",
       replica_view,
       [&](View& v) {
         needs(v, from_one("1-101"));
         v.self = NodeName("node3");
         v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
       },
       "follow -> keep"},
      {"nor before the primary has said what it is",
       replica_view,
       [&](View& v) {
         mark(v, "node3", Vote::State::Lost);
         v.self = NodeName("node3");
         v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
       },
       "follow -> keep"},
      {"who is marked stops to acknowledge",
       replica_view,
       [](View& v) { mark(v, "node2", Vote::State::Leaving); },
       "stop_acks_without_vote -> stop_acks"},
  });
}

}  // namespace
}  // namespace dorsal::failover
