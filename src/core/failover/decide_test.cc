#include "core/failover/decide.h"

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

std::string show(const View& view) {
  const Step step = decide(view, Policy());
  std::string text = std::string(step.rule) + " -> " + std::string(to_string(step.action));
  if (step.peer) text += " " + step.peer->value();
  if (step.member) {
    text += std::string(" joined=") + (step.member->joined ? "yes" : "no");
    text += std::string(" voter=") + (step.member->voter ? "yes" : "no");
  }
  return text;
}

using Change = std::function<void(View&)>;

struct Case {
  const char* claim;
  View (*view)();
  Change change;
  const char* expected;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    View view = each.view();
    each.change(view);
    EXPECT_EQ(show(view), each.expected) << each.claim;
  }
}

void nothing(View&) {}

TEST(Decide, WhoMayWrite) {
  expect_all({
      {"a primary at work has nothing to do", primary_view, nothing, "lead -> keep"},
      {"a primary whose lease ran out is fenced",
       primary_view,
       [](View& v) { v.lease->sent = kNow - std::chrono::seconds(9); },
       "fence_without_lease -> fence"},
      {"a primary stays until just before that",
       primary_view,
       [](View& v) { v.lease->sent = kNow - std::chrono::milliseconds(8999); },
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
      {"the lease is renewed every second",
       primary_view,
       [](View& v) { v.renewal_tried = kNow - std::chrono::seconds(1); },
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
      {"a node that was taken out of the store does nothing",
       replica_view,
       [](View& v) { v.topology.nodes.erase(v.topology.nodes.begin() + 1); },
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
         for (Node& each : v.topology.nodes) each.member.joined = each.member.voter = false;
       },
       "accept_own_data -> accept_data"},
      {"it joins before it takes writes",
       booted_primary_view,
       [](View& v) {
         for (Node& each : v.topology.nodes) each.member.joined = each.member.voter = false;
       },
       "record_primary_as_joined -> update_member joined=yes voter=no"},
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
      {"a primary without data does not come back empty",
       booted_primary_view,
       [](View& v) { v.server = cluster::Server(); },
       "refuse_primary_without_data -> keep"},
      {"a replica without data loses its vote first",
       replica_view,
       [](View& v) { v.server = cluster::Server(); },
       "forget_member_without_data -> update_member joined=no voter=no"},
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
         v.topology.nodes[1].member.voter = false;
       },
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
         for (Node& each : v.topology.nodes) {
           each.member.voter = false;
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
      {"a fall-back is told",
       primary_view,
       [](View& v) { v.server.facts->source_semi_sync_active = false; },
       "alarm_on_fall_back -> keep"},
      {"the first replica to join turns acknowledgements on",
       primary_view,
       [](View& v) {
         v.server.facts->source_semi_sync = v.server.facts->source_semi_sync_active = false;
         for (Node& each : v.topology.nodes) each.member.voter = false;
         v.topology.nodes[2].member.joined = false;
       },
       "require_first_acks -> require_acks"},
      {"two acknowledgements need two replicas",
       primary_view,
       [](View& v) {
         v.server.facts->source_semi_sync = v.server.facts->source_semi_sync_active = false;
         for (Node& each : v.topology.nodes) each.member.voter = false;
         v.topology.nodes[2].member.joined = false;
         v.topology.charter.acks = 2;
       },
       "lead -> keep"},
      {"that they are required is recorded after they are",
       primary_view,
       [](View& v) {
         for (Node& each : v.topology.nodes) each.member.voter = false;
       },
       "record_required_acks -> update_member joined=yes voter=yes"},
      {"in asynchronous mode none are",
       booted_primary_view,
       [](View& v) {
         v.topology.charter.mode = Mode::Async;
         for (Node& each : v.topology.nodes) each.member.voter = false;
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
      {"with the goal reached it joins",
       newcomer_view,
       [](View& v) { v.goal = gtids(from_one("1-100")); },
       "join_when_caught_up -> update_member joined=yes voter=no"},
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
         v.goal = gtids(from_one("1-100"));
         v.lag_ms.reset();
       },
       "join_when_caught_up -> update_member joined=yes voter=no"},
      {"no vote before acknowledgements are required",
       newcomer_view,
       [](View& v) { own(v).joined = true; },
       "follow -> keep"},
      {"a vote then",
       newcomer_view,
       [](View& v) {
         own(v).joined = true;
         v.topology.nodes[0].member.voter = true;
       },
       "become_voter -> update_member joined=yes voter=yes"},
      {"acknowledgements after the vote",
       newcomer_view,
       [](View& v) {
         own(v).joined = own(v).voter = true;
         v.topology.nodes[0].member.voter = true;
       },
       "give_acks_as_voter -> give_acks"},
      {"none without it",
       replica_view,
       [](View& v) { own(v).voter = false; },
       "stop_acks_without_vote -> stop_acks"},
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

TEST(Decide, AReplicaWithStraysServesNothing) {
  const auto strayed = [](View& v) {
    v.server.facts->executed = gtids(from_one("1-100") + "," + from_two("1"));
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
      {"then voting",
       replica_view,
       [&](View& v) {
         strayed(v);
         v.server.facts->replica_semi_sync = false;
         v.server.facts->following->receiver = Receiver::Off;
       },
       "take_vote_of_strays -> update_member joined=yes voter=no"},
      {"and says so",
       replica_view,
       [&](View& v) {
         strayed(v);
         v.server.facts->replica_semi_sync = false;
         v.server.facts->following->receiver = Receiver::Off;
         own(v).voter = false;
       },
       "refuse_strays -> keep"},
      {"the primary's newest writes are no strays",
       replica_view,
       [](View& v) { v.server.facts->executed = gtids(from_one("1-105")); },
       "follow -> keep"},
  });
}

}  // namespace
}  // namespace dorsal::failover
