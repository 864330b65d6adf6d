#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "core/failover/cases_testing.h"
#include "core/failover/decide.h"
#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

using cluster::NodeName;
using cluster::Process;
using cluster::Receiver;
using cluster::Role;

constexpr auto kLongAgo = std::chrono::minutes(1);

void primary_dies(View& view) {
  view.server.process = Process::Stopped;
  view.server.last_words = "mysqld was killed by signal 9 (Killed)";
  view.server.may_be_writable = false;
  view.server.facts.reset();
}

TEST(Election, APrimaryWhoseServerDiedHandsOver) {
  expect_all({
      {"it died", primary_view, primary_dies, "hand_over -> hand_over"},
      {"its agent was started anew",
       primary_view,
       [](View& v) {
         primary_dies(v);
         v.server.last_words.clear();
       },
       "hand_over -> hand_over"},
      {"its data folder is gone",
       booted_primary_view,
       [](View& v) { v.server = cluster::Server(); },
       "hand_over -> hand_over"},
      {"it ended to be started again",
       primary_view,
       [](View& v) {
         primary_dies(v);
         v.server.wants_restart = true;
       },
       "start_server -> start"},
      {"nobody could take over: it is started again",
       primary_view,
       [](View& v) {
         primary_dies(v);
         find(v, "node3").state.role = Role::Down;
       },
       "start_server -> start"},
      {"having handed over it starts its server",
       primary_view,
       [](View& v) {
         primary_dies(v);
         v.topology.leadership.handed_over = true;
       },
       "start_server -> start"},
      {"and goes on when nobody came meanwhile",
       primary_view,
       [](View& v) {
         v.topology.leadership.handed_over = true;
         v.renewal_tried.reset();
       },
       "renew_lease -> renew"},
      {"a lease is not renewed while the server is not there",
       primary_view,
       [](View& v) {
         primary_dies(v);
         v.topology.leadership.handed_over = true;
         v.renewal_tried.reset();
       },
       "start_server -> start"},
  });
}

TEST(Election, AServerThatHangsIsKilledWhereAnotherCanTakeOver) {
  const auto hangs = [](View& v) {
    v.server.process = Process::Silent;
    v.server.facts.reset();
    v.silent_since = kNow - Policy().hung_after;
  };
  expect_all({
      {"it hangs", primary_view, hangs, "kill_hung_server -> kill"},
      {"not for long yet",
       primary_view,
       [&](View& v) {
         hangs(v);
         v.silent_since = kNow - Policy().hung_after + std::chrono::milliseconds(1);
       },
       "wait_for_server -> keep"},
      {"nobody could take over",
       primary_view,
       [&](View& v) {
         hangs(v);
         find(v, "node2").state.role = Role::Down;
       },
       "wait_for_server -> keep"},
      {"a replica's is left alone", replica_view, hangs, "wait_for_server -> keep"},
  });
}

// Of node3, whose vote is gone as it is made anew.
TEST(Election, NoRepairDelaysIt) {
  const auto is_repaired = [](View& v) {
    cluster::Node& node3 = find(v, "node3");
    node3.member.joined = false;
    node3.state.role = Role::Joining;
    node3.state.healthy = false;
    node3.state.activity = "cloning from node2, 34 %";
    take_vote(v, "node3");
  };
  expect_all({
      {"its primary hands over",
       primary_view,
       [&](View& v) {
         is_repaired(v);
         primary_dies(v);
       },
       "hand_over -> hand_over"},
      {"who is left, and serves the clone, begins an election",
       replica_view,
       [&](View& v) {
         is_repaired(v);
         v.topology.leadership.handed_over = true;
       },
       "begin_election -> elect"},
      {"and promises",
       election_view,
       [&](View& v) {
         is_repaired(v);
         v.server.facts->following->receiver = Receiver::Off;
       },
       "promise -> promise"},
  });
}

TEST(Election, AServerThatReplicasCannotLogInToIsKilled) {
  const auto is_locked = [](View& v) {
    v.server.facts->locks_accounts = true;
    v.unacknowledged_since = kNow - Policy().hung_after;
  };
  expect_all({
      {"replicas are there", primary_view, is_locked, "kill_with_locked_accounts -> kill"},
      {"not for long yet",
       primary_view,
       [&](View& v) {
         is_locked(v);
         v.unacknowledged_since = kNow - Policy().hung_after + std::chrono::milliseconds(1);
       },
       "lead -> keep"},
      {"there is none",
       primary_view,
       [&](View& v) {
         is_locked(v);
         for (const char* name : {"node2", "node3"}) find(v, name).state.role = Role::Down;
       },
       "lead -> keep"},
      {"the cluster is paused",
       primary_view,
       [&](View& v) {
         is_locked(v);
         v.topology.pause = cluster::Pause{};
       },
       "lead -> keep"},
      {"commits wait for something else",
       primary_view,
       [&](View& v) {
         is_locked(v);
         v.server.facts->locks_accounts = false;
       },
       "lead -> keep"},
  });
}

// What ails the server of a node for as long as Policy allows.
struct Ailment {
  std::function<void(View&, Duration since)> strike;
  Duration patience;
  const char* killed;
  const char* primary_alarm;
  const char* replica_alarm;
};

void expect_killed_where_another_is_well(const Ailment& ailment) {
  const auto is_struck = [&](View& v) { ailment.strike(v, ailment.patience); };
  expect_all({
      {"for long", primary_view, is_struck, ailment.killed},
      {"not for long yet",
       primary_view,
       [&](View& v) { ailment.strike(v, ailment.patience - std::chrono::milliseconds(1)); },
       "lead -> keep"},
      {"so are all others",
       primary_view,
       [&](View& v) {
         is_struck(v);
         find(v, "node2").state.healthy = false;
         find(v, "node3").state.healthy = false;
       },
       ailment.primary_alarm},
      {"killed, it hands over",
       primary_view,
       [&](View& v) {
         is_struck(v);
         primary_dies(v);
       },
       "hand_over -> hand_over"},
      {"a replica's is left alone", replica_view, is_struck, ailment.replica_alarm},
      {"which does not stand for election",
       replica_view,
       [&](View& v) {
         is_struck(v);
         v.topology.leadership.handed_over = true;
       },
       ailment.replica_alarm},
  });
  View view = election_view();
  is_struck(view);
  view.server.facts->following->receiver = Receiver::Off;
  const Step step = decide(view, Policy());
  ASSERT_TRUE(step.promise) << step.rule;
  EXPECT_FALSE(step.promise->may_lead);
}

TEST(Election, APrimaryWithoutRoomOnItsDiskIsKilledWhereAnotherNodeHasSome) {
  expect_killed_where_another_is_well(
      {[](View& v, Duration since) {
         v.server.storage_trouble = "its folder cannot be written to: No space left on device";
         v.storage_since = kNow - since;
       },
       Policy().storage_patience,
       "kill_without_storage -> kill",
       "alarm_on_primary_storage -> keep",
       "alarm_on_storage -> keep"});
}

TEST(Election, APrimaryThatLetsNobodyInIsKilledWhereAnotherNodeDoes) {
  expect_killed_where_another_is_well({[](View& v, Duration since) {
                                         if (v.server.facts)
                                           v.server.door_trouble =
                                               "mysqld lets no new connection in";
                                         v.closed_since = kNow - since;
                                       },
                                       Policy().door_patience,
                                       "kill_without_door -> kill",
                                       "alarm_on_closed_primary -> keep",
                                       "alarm_on_closed_door -> keep"});
}

TEST(Rebuild, DamagedDataIsSetAsideWhileThePrimaryIsAtWork) {
  const auto does_not_start = [](View& v) {
    v.server.process = Process::Stopped;
    v.server.facts.reset();
    v.server.last_words =
        "mysqld was killed by signal 6 (Aborted): Assertion failure: trx0undo.cc:895";
    v.failed_starts = Policy().most_failed_starts;
  };
  expect_all({
      {"its server does not start",
       replica_view,
       does_not_start,
       "set_damaged_data_aside -> set_data_aside"},
      {"not often yet",
       replica_view,
       [&](View& v) {
         does_not_start(v);
         --v.failed_starts;
       },
       "start_server -> start"},
      {"for another reason",
       replica_view,
       [&](View& v) {
         does_not_start(v);
         v.server.last_words = "mysqld exited with status 1: unknown variable 'a=b'";
       },
       "start_server -> start"},
      {"the primary is not well",
       replica_view,
       [&](View& v) {
         does_not_start(v);
         find(v, "node1").state.healthy = false;
       },
       "start_server -> start"},
      {"it is the primary itself",
       primary_view,
       [&](View& v) {
         does_not_start(v);
         find(v, "node3").state.role = Role::Down;
       },
       "start_server -> start"},
  });
}

TEST(Election, AVoterBeginsIt) {
  const auto handed_over = [](View& v) { v.topology.leadership.handed_over = true; };
  expect_all({
      {"the primary handed over", replica_view, handed_over, "begin_election -> elect"},
      {"its lease ran out",
       replica_view,
       [](View& v) { v.renewal_seen = kNow - Policy().lease_ttl; },
       "begin_election -> elect"},
      {"not a moment before",
       replica_view,
       [](View& v) { v.renewal_seen = kNow - Policy().lease_ttl + std::chrono::milliseconds(1); },
       "follow -> keep"},
      {"the primary says itself how long its lease is",
       replica_view,
       [](View& v) {
         v.renewal_seen = kNow - Policy().lease_ttl;
         v.topology.leadership.lease_ms = 10000;
       },
       "follow -> keep"},
      {"one is under way",
       election_view,
       [](View& v) { promise(v, "node2", from_one("1-100")); },
       "wait_for_election -> keep"},
      {"without a vote it has no say",
       replica_view,
       [&](View& v) {
         handed_over(v);
         take_vote(v, "node2");
         v.server.facts->replica_semi_sync = false;
       },
       "become_voter -> change_votes"},
      {"nor without the store",
       replica_view,
       [&](View& v) {
         handed_over(v);
         v.store_answers = false;
       },
       "follow -> keep"},
      {"nor with strays",
       replica_view,
       [&](View& v) {
         handed_over(v);
         v.server.facts->executed.unite(gtids(from_two("1")));
       },
       "stop_acks_of_strays -> stop_acks"},
  });
}

TEST(Election, WhereAWriteCouldBeLostThereIsNone) {
  View view = replica_view();
  view.topology.leadership.handed_over = true;
  find(view, "node3").state.role = Role::Down;
  Step step = decide(view, Policy());
  EXPECT_EQ(step.rule, "refuse_election");
  EXPECT_EQ(step.activity,
            "node1 handed over; no fail-over: 2 of 2 voters must say what they have received, and "
            "node3 cannot be asked");
  // A write has two acknowledgements: either of the two replicas has it.
  view.topology.charter.acks = 2;
  EXPECT_EQ(decide(view, Policy()).rule, "begin_election");
  take_vote(view, "node1");
  step = decide(view, Policy());
  EXPECT_EQ(step.rule, "refuse_election");
  EXPECT_NE(step.activity.find("not acknowledged by replicas"), std::string::npos);
}

TEST(Election, WhileTheClusterIsPausedThereIsNone) {
  View view = replica_view();
  view.topology.leadership.handed_over = true;
  view.topology.pause = cluster::Pause{"new switches", 0};
  EXPECT_EQ(decide(view, Policy()).activity,
            "node1 handed over; no fail-over: the cluster is paused");
  view = primary_view();
  primary_dies(view);
  view.topology.pause = cluster::Pause{};
  EXPECT_EQ(decide(view, Policy()).rule, "start_server");
}

TEST(Election, WhoTakesPartReceivesNothingMore) {
  const auto receives = [](View& v) { v.server.facts->following->receiver = Receiver::On; };
  expect_all({
      {"it receives still",
       election_view,
       receives,
       "stop_receiving_for_election -> stop_receiver"},
      {"trying to connect is receiving",
       election_view,
       [](View& v) { v.server.facts->following->receiver = Receiver::Connecting; },
       "stop_receiving_for_election -> stop_receiver"},
      {"what it received goes to disk",
       election_view,
       [](View& v) { v.server.facts->syncs_relay_log = false; },
       "sync_for_election -> sync_relay_log"},
      {"then it promises", election_view, nothing, "promise -> promise"},
      {"not without the store",
       election_view,
       [](View& v) { v.store_answers = false; },
       "wait_for_election -> keep"},
      {"the old primary takes no more writes",
       primary_view,
       [](View& v) { v.topology.leadership = election_view().topology.leadership; },
       "fence_for_election -> fence"},
      {"and then promises too",
       booted_primary_view,
       [](View& v) { v.topology.leadership = election_view().topology.leadership; },
       "promise -> promise"},
      {"it does not renew its lease",
       booted_primary_view,
       [](View& v) {
         v.topology.leadership = election_view().topology.leadership;
         promise(v, "node1", from_one("1-100"));
         v.renewal_tried.reset();
         v.resting = {Action::Lead};
       },
       "wait_for_election -> keep"},
  });
}

TEST(Election, APromiseHoldsAllThatWasReceived) {
  View view = election_view();
  view.server.facts->following->retrieved = gtids(from_one("90-120"));
  const Step step = decide(view, Policy());
  ASSERT_TRUE(step.promise);
  EXPECT_EQ(step.promise->term, cluster::Term(2));
  EXPECT_EQ(gtids(step.promise->received), gtids(from_one("1-120")));
}

TEST(Election, WhoHasStraysPromisesTheRestAndDoesNotLead) {
  View view = election_view();
  view.server.facts->executed.unite(gtids(from_two("1-3")));
  const Step step = decide(view, Policy());
  ASSERT_TRUE(step.promise);
  EXPECT_EQ(gtids(step.promise->received), gtids(from_one("1-100")));
  EXPECT_FALSE(step.promise->may_lead);
  promise(view, "node2", from_one("1-100"));
  find(view, "node2").promise->may_lead = false;
  promise(view, "node3", from_one("1-100"));
  EXPECT_EQ(decide(view, Policy()).activity, "election of term 2: waiting for node3");
  promise(view, "node3", from_one("1-99"));
  EXPECT_EQ(decide(view, Policy()).activity,
            "election of term 2: no node that may lead has all that the others have");
}

TEST(Election, TheFirstToHaveAllLeads) {
  const auto both = [](View& v) {
    promise(v, "node2", from_one("1-100"));
    promise(v, "node3", from_one("1-90"));
  };
  const auto unapplied = [&](View& v) {
    both(v);
    v.server.facts->following->retrieved = gtids(from_one("100-120"));
  };
  expect_all({
      {"it has all", election_view, both, "lead_as_elected -> lead"},
      {"one promise of two is too few",
       election_view,
       [](View& v) { promise(v, "node2", from_one("1-100")); },
       "wait_for_election -> keep"},
      {"with two acknowledgements it is enough",
       election_view,
       [](View& v) {
         promise(v, "node2", from_one("1-100"));
         v.topology.charter.acks = 2;
       },
       "lead_as_elected -> lead"},
      {"an older promise does not count",
       election_view,
       [&](View& v) {
         both(v);
         find(v, "node3").promise->term = cluster::Term(1);
       },
       "wait_for_election -> keep"},
      {"a promise without a vote does not count",
       election_view,
       [&](View& v) {
         both(v);
         take_vote(v, "node3");
         v.topology.nodes.push_back(node("node4", "127.0.0.1:6044"));
         give_vote(v, "node4");
       },
       "wait_for_election -> keep"},
      {"another has more",
       election_view,
       [](View& v) {
         promise(v, "node2", from_one("1-100"));
         promise(v, "node3", from_one("1-101"));
       },
       "wait_for_election -> keep"},
      {"each has what the other lacks",
       election_view,
       [](View& v) {
         promise(v, "node2", from_one("1-100"));
         promise(v, "node3", from_one("2-101"));
       },
       "wait_for_election -> keep"},
      {"it has yet to apply some of it",
       election_view,
       unapplied,
       "apply_for_election -> await_applier"},
      {"its applier does not run",
       election_view,
       [&](View& v) {
         unapplied(v);
         v.server.facts->following->applier_runs = false;
       },
       "apply_for_election -> start_applier"},
      {"which would wait for acknowledgements",
       election_view,
       [&](View& v) {
         unapplied(v);
         v.server.facts->following->applier_runs = false;
         v.server.facts->source_semi_sync = true;
       },
       "apply_for_election -> stop_requiring_acks"},
      {"as clients do, who must not be told OK",
       election_view,
       [&](View& v) {
         unapplied(v);
         v.server.facts->following->applier_runs = false;
         v.server.facts->source_semi_sync = true;
         v.server.facts->waiting_for_acks = 1;
       },
       "apply_for_election -> kill"},
      {"of two that have the same, one that is not down",
       election_view,
       [](View& v) {
         promise(v, "node1", from_one("1-100"));
         promise(v, "node2", from_one("1-100"));
       },
       "lead_as_elected -> lead"},
      {"the old primary has all that it ever sent",
       election_view,
       [](View& v) {
         promise(v, "node1", from_one("1-101"));
         promise(v, "node2", from_one("1-100"));
       },
       "wait_for_election -> keep"},
      {"which does not matter once enough voters have promised",
       election_view,
       [&](View& v) {
         both(v);
         promise(v, "node1", from_one("1-101"));
       },
       "lead_as_elected -> lead"},
      {"and is enough by itself",
       booted_primary_view,
       [](View& v) {
         v.topology.leadership = election_view().topology.leadership;
         promise(v, "node1", from_one("1-100"));
       },
       "lead_as_elected -> lead"},
      {"unless it has lost some of it",
       booted_primary_view,
       [](View& v) {
         v.topology.leadership = election_view().topology.leadership;
         promise(v, "node1", from_one("1-99"));
       },
       "wait_for_election -> keep"},
      {"the lease of one that did not hand over has to run out",
       election_view,
       [&](View& v) {
         both(v);
         v.topology.leadership.handed_over = false;
       },
       "lead_as_elected -> keep"},
      {"and has",
       election_view,
       [&](View& v) {
         both(v);
         v.topology.leadership.handed_over = false;
         v.renewal_seen = kNow - kLongAgo;
       },
       "lead_as_elected -> lead"},
  });
}

TEST(Election, WhatOthersNeedIsSaidAnewByANewPrimary) {
  View view = election_view();
  promise(view, "node2", from_one("1-100"));
  view.topology.leadership.votes[NodeName("node3")] = {cluster::Vote::State::Lost,
                                                       from_one("1-105")};
  view.topology.charter.acks = 2;
  const Step step = decide(view, Policy());
  ASSERT_EQ(step.action, Action::Lead);
  const auto next = leadership_after(step, view, Policy(), 7);
  EXPECT_EQ(next.term, cluster::Term(2));
  EXPECT_EQ(next.elected_with, from_one("1-100"));
  EXPECT_EQ(next.lease_ms, 2500);
  EXPECT_EQ(next.votes.at(NodeName("node3")).state, cluster::Vote::State::Lost);
  EXPECT_FALSE(next.votes.at(NodeName("node3")).needed);
}

// node2 as it leads term 2; the others have not turned to it yet.
View elected_view() {
  View view = election_view();
  promise(view, "node2", from_one("1-100"));
  promise(view, "node3", from_one("1-100"));
  view.topology.leadership.term = cluster::Term(2);
  view.topology.leadership.primary = NodeName("node2");
  view.topology.leadership.handed_over = false;
  view.topology.leadership.election.reset();
  view.topology.leadership.elected_with = from_one("1-100");
  view.lease = Lease{kNow};
  view.renewal_tried = kNow;
  return view;
}

TEST(Election, ANewPrimaryOpensInThisOrder) {
  View view = elected_view();
  auto next = [&] { return std::string(decide(view, Policy()).rule); };
  EXPECT_EQ(next(), "forget_source");
  view.server.facts->following.reset();
  EXPECT_EQ(next(), "forget_source") << "its own acknowledgements are still on";
  view.server.facts->replica_semi_sync = false;
  EXPECT_EQ(next(), "require_acks_before_writes");
  view.server.facts->source_semi_sync = view.server.facts->source_semi_sync_active = true;
  // Ghosts of the old primary, which came back meanwhile: nobody was told of these.
  find(view, "node1").state.gtid_executed = from_one("1-105");
  EXPECT_EQ(next(), "open_for_writes");
  // What it sent itself, or promised, and does not have is another matter.
  find(view, "node3").state.gtid_executed = from_one("1-100") + "," + from_two("1");
  EXPECT_EQ(next(), "refuse_lost_transactions");
  find(view, "node3").state.gtid_executed = from_one("1-100");
  view.server.facts->executed = gtids(from_one("1-99"));
  EXPECT_EQ(next(), "refuse_lost_transactions");
}

TEST(Election, TheOthersTurnToTheNewPrimary) {
  View view = elected_view();
  view.self = NodeName("node3");
  view.server.facts->executed = gtids(from_one("1-100"));
  find(view, "node2").state.gtid_executed = from_one("1-80");  // as it said last, as a replica
  EXPECT_EQ(decide(view, Policy()).rule, "stop_applier_before_change");
  view.server.facts->following->applier_runs = false;
  const Step step = decide(view, Policy());
  EXPECT_EQ(step.action, Action::ChangeSource);
  EXPECT_EQ(step.peer, NodeName("node2"));
}

TEST(Election, TheOldPrimaryComesBackAsAReplicaOrWithStrays) {
  View view = elected_view();
  view.self = NodeName("node1");
  view.lease.reset();
  view.server.facts->following.reset();
  view.server.facts->replica_semi_sync = false;
  EXPECT_EQ(decide(view, Policy()).rule, "change_source");
  view.server.facts->executed = gtids(from_one("1-101"));
  EXPECT_EQ(decide(view, Policy()).rule, "leave_for_rebuild");
  view.server.may_be_writable = true;
  EXPECT_EQ(decide(view, Policy()).rule, "fence_without_lease");
}

TEST(Election, APromiseOutlivesAStoreThatForgotIt) {
  View view = replica_view();
  promise(view, "node2", from_one("1-100"));
  EXPECT_EQ(decide(view, Policy()).rule, "refuse_old_store");
}

}  // namespace
}  // namespace dorsal::failover
