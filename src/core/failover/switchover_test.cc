#include "core/failover/switchover.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "core/failover/cases_testing.h"
#include "core/failover/election.h"
#include "core/failover/manual_failover.h"
#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

using cluster::NodeName;
using cluster::Role;

// node1 is the primary and node2 is to be it.
void ask(View& view) {
  cluster::Switchover& asked = view.topology.leadership.switchover.emplace();
  asked.to = NodeName("node2");
  asked.reason = "disks";
  asked.begun_ms = 1;
  view.phase_seen = kNow;
  for (cluster::Node& each : view.topology.nodes) each.state.lag_ms = 0;
  find(view, "node2").state.ready_for_ms = asked.begun_ms;
}

View asked_view() {
  View view = primary_view();
  ask(view);
  return view;
}

View holding_view() {
  View view = asked_view();
  view.topology.leadership.switchover->holding = true;
  return view;
}

// The primary takes no more writes.
View closed_view() {
  View view = holding_view();
  view.server.may_be_writable = view.server.facts->writable = false;
  return view;
}

// As the named node sees it, once the primary has begun the election.
View flipping_view(const std::string& self) {
  View view = self == "node1" ? closed_view() : replica_view();
  view.self = NodeName(self);
  ask(view);
  auto& leadership = view.topology.leadership;
  leadership.switchover->holding = leadership.handed_over = true;
  leadership.election = cluster::Election{cluster::Term(2), NodeName("node1"), "switchover"};
  leadership.election->candidate = NodeName("node2");
  leadership.election->barrier = from_one("1-100");
  return view;
}
View flipping_candidate() { return flipping_view("node2"); }
View flipping_third() { return flipping_view("node3"); }
View flipping_primary() { return flipping_view("node1"); }

TEST(Switchover, GoesStepByStep) {
  expect_all({
      {"the candidate is close", asked_view, nothing, "hold_for_switchover -> change_switchover"},
      {"it is far behind",
       asked_view,
       [](View& v) { find(v, "node2").state.lag_ms = 5000; },
       "lead -> keep"},
      {"it said that it is ready for another one",
       asked_view,
       [](View& v) { v.topology.leadership.switchover->begun_ms = 2; },
       "lead -> keep"},
      {"statements are held back",
       holding_view,
       nothing,
       "close_for_switchover -> close_for_writes"},
      {"that is under way",
       holding_view,
       [](View& v) { v.job = Job::CloseForWrites; },
       "wait_for_job -> keep"},
      {"nothing is written any more", closed_view, nothing, "elect_for_switchover -> elect"},
      {"the old primary promises", flipping_primary, nothing, "promise -> promise"},
      {"and leaves the lead to the candidate",
       flipping_primary,
       [](View& v) { promise(v, "node1", from_one("1-100")); },
       "wait_for_candidate -> keep"},
      {"which receives until it has all",
       flipping_candidate,
       [](View& v) { v.topology.leadership.election->barrier = from_one("1-101"); },
       "receive_up_to_barrier -> await_applier"},
      {"then nothing more",
       flipping_candidate,
       nothing,
       "stop_receiving_for_election -> stop_receiver"},
      {"the others receive nothing more at once",
       flipping_third,
       [](View& v) { v.topology.leadership.election->barrier = from_one("1-101"); },
       "stop_receiving_for_election -> stop_receiver"},
      {"with the promise of the old primary it leads",
       flipping_candidate,
       [](View& v) {
         v.server.facts->following->receiver = cluster::Receiver::Off;
         promise(v, "node1", from_one("1-100"));
         promise(v, "node2", from_one("1-100"));
       },
       "lead_as_elected -> lead"},
  });
}

TEST(Switchover, TheElectionSaysWhatTheCandidateMustHave) {
  const View view = closed_view();
  const Step step = decide(view, Policy());
  const auto next = leadership_after(step, view, Policy(), 7);
  EXPECT_EQ(next.election->candidate, NodeName("node2"));
  EXPECT_EQ(next.election->barrier, from_one("1-100"));
  EXPECT_TRUE(next.handed_over);
  EXPECT_EQ(next.election->reason, "switchover: disks");
}

TEST(Switchover, ANewTermEndsIt) {
  View view = flipping_candidate();
  view.server.facts->following->receiver = cluster::Receiver::Off;
  promise(view, "node1", from_one("1-100"));
  promise(view, "node2", from_one("1-100"));
  const auto next = leadership_after(decide(view, Policy()), view, Policy(), 7);
  EXPECT_FALSE(next.switchover);
  EXPECT_FALSE(next.election);
  EXPECT_FALSE(next.handed_over);
}

TEST(Switchover, IsGivenUpBeforeAnythingHasChanged) {
  constexpr const char* kGivenUp = "give_up_switchover -> change_switchover";
  expect_all({
      {"the candidate died",
       asked_view,
       [](View& v) { find(v, "node2").state.role = Role::Down; },
       kGivenUp},
      {"while statements are held back, too",
       holding_view,
       [](View& v) { find(v, "node2").state.healthy = false; },
       kGivenUp},
      {"it never comes close",
       asked_view,
       [](View& v) {
         find(v, "node2").state.lag_ms = 5000;
         v.now = kNow + Policy().switchover_patience;
         v.lease->sent = *(v.renewal_tried = v.now);
       },
       kGivenUp},
      {"it never says that it is ready",
       asked_view,
       [](View& v) {
         find(v, "node2").state.ready_for_ms = 0;
         v.now = kNow + Policy().switchover_patience;
         v.lease->sent = *(v.renewal_tried = v.now);
       },
       kGivenUp},
      {"the server could not be closed",
       holding_view,
       [](View& v) { v.resting.push_back(Action::CloseForWrites); },
       kGivenUp},
      {"it was given up, so writes go on",
       closed_view,
       [](View& v) { v.topology.leadership.switchover->given_up = "it was interrupted"; },
       "open_for_writes -> open_for_writes"},
  });
}

TEST(Switchover, AnElectionThatWasBegunGoesOnWithoutTheCandidate) {
  const auto both = [](View& v) {
    v.server.facts->following->receiver = cluster::Receiver::Off;
    promise(v, "node1", from_one("1-100"));
    promise(v, "node3", from_one("1-100"));
  };
  expect_all({
      {"it is waited for", flipping_third, both, "wait_for_election -> keep"},
      {"the old primary leads on when it is gone",
       flipping_primary,
       [&](View& v) {
         promise(v, "node1", from_one("1-100"));
         find(v, "node2").state.role = Role::Down;
       },
       "lead_as_elected -> lead"},
      {"or when it takes too long",
       flipping_primary,
       [&](View& v) {
         promise(v, "node1", from_one("1-100"));
         v.now = kNow + Policy().candidate_patience;
       },
       "lead_as_elected -> lead"},
  });
}

TEST(Switchover, SaysWhyANodeIsUnfit) {
  const auto why = [](const std::function<void(View&)>& change) {
    View view = primary_view();
    change(view);
    return why_unfit(view.topology, NodeName("node2"));
  };
  EXPECT_EQ(why(nothing), "");
  EXPECT_EQ(why([](View& v) { find(v, "node2").state.role = Role::Down; }), "node2 is down");
  EXPECT_EQ(why([](View& v) { find(v, "node2").state.priority = 0; }),
            "node2 has priority 0, so it never leads");
  EXPECT_EQ(why([](View& v) { take_vote(v, "node2"); }), "node2 has no vote");
  EXPECT_EQ(why([](View& v) { find(v, "node2").member.joined = false; }),
            "node2 has not joined the cluster yet");
  EXPECT_EQ(why([](View& v) {
              find(v, "node2").state.healthy = false;
              find(v, "node2").state.activity = "catching up";
            }),
            "node2 is not healthy: catching up");
  EXPECT_EQ(why_unfit(settled(), NodeName("node1")), "node1 is the primary already");
  EXPECT_EQ(why_unfit(settled(), NodeName("node9")), "there is no node node9");
}

TEST(Switchover, IsPlannedForTheFittest) {
  View view = primary_view();
  find(view, "node2").state.lag_ms = 40;
  find(view, "node3").state.lag_ms = 0;
  EXPECT_EQ(plan_switchover(view.topology, {}, 1)->to, NodeName("node3"));
  find(view, "node2").state.priority = 60;
  EXPECT_EQ(plan_switchover(view.topology, {}, 1)->to, NodeName("node2"));
  EXPECT_EQ(plan_switchover(view.topology, NodeName("node3"), 1)->to, NodeName("node3"));
  EXPECT_EQ(plan_switchover(view.topology, NodeName("node7"), 1).error().kind, ErrorKind::NotFound);
  EXPECT_EQ(plan_switchover(view.topology, NodeName("node1"), 1).error().message,
            "node1 is the primary already");
  ask(view);
  EXPECT_EQ(plan_switchover(view.topology, {}, 1).error().message,
            "a switchover to node2 is under way already");
}

TEST(Priority, DecidesBetweenEquals) {
  View view = election_view();
  promise(view, "node2", from_one("1-100"));
  promise(view, "node3", from_one("1-100"));
  EXPECT_EQ(decide(view, Policy()).rule, "lead_as_elected");
  find(view, "node3").state.priority = 60;
  EXPECT_EQ(decide(view, Policy()).rule, "wait_for_election");
  promise(view, "node3", from_one("1-99"));
  EXPECT_EQ(decide(view, Policy()).rule, "lead_as_elected");
}

TEST(Priority, IsLowerForWhoIsToLeaveTheCluster) {
  View view = election_view();
  promise(view, "node2", from_one("1-100"));
  promise(view, "node3", from_one("1-100"));
  find(view, "node2").state.priority = 60;
  EXPECT_EQ(elected(view), NodeName("node2"));
  find(view, "node2").member.removal_asked_ms = 7;
  EXPECT_EQ(elected(view), NodeName("node3"));
  promise(view, "node3", from_one("1-99"));
  EXPECT_EQ(elected(view), NodeName("node2"));
}

TEST(Priority, OfZeroNeverLeadsUnlessItIsNamed) {
  View view = election_view();
  promise(view, "node2", from_one("1-100"));
  promise(view, "node3", from_one("1-99"));
  EXPECT_EQ(decide(view, Policy()).rule, "lead_as_elected");
  find(view, "node2").state.priority = 0;
  EXPECT_EQ(elected(view), std::nullopt);
  view.topology.leadership.election->candidate = NodeName("node2");
  EXPECT_EQ(elected(view), NodeName("node2"));
}

TEST(Priority, OfZeroForAllMeansNoElection) {
  View view = replica_view();
  EXPECT_EQ("", why_not_electable(view));
  find(view, "node2").state.priority = 0;
  EXPECT_EQ("", why_not_electable(view));
  find(view, "node3").state.priority = 0;
  EXPECT_EQ("the priority of every other voter that is up is 0", why_not_electable(view));
}

TEST(Priority, OfZeroMeansNoVote) {
  expect_all({
      {"it gives up the one that it has",
       replica_view,
       [](View& v) { find(v, "node2").state.priority = 0; },
       "leave_on_request -> change_votes"},
      {"unless nobody else could acknowledge",
       replica_view,
       [](View& v) {
         find(v, "node2").state.priority = 0;
         v.topology.charter.acks = 2;
       },
       "follow -> keep"},
      {"and gets none",
       replica_view,
       [](View& v) {
         find(v, "node2").state.priority = 0;
         take_vote(v, "node2");
         v.server.facts->replica_semi_sync = v.server.facts->replica_semi_sync_active = false;
       },
       "follow -> keep"},
  });
}

TEST(Requests, AReplicaCarriesThemOutOnce) {
  expect_all({
      {"a restart",
       replica_view,
       [](View& v) { own(v).restart_asked_ms = 7; },
       "restart_on_request -> restart"},
      {"that was carried out",
       replica_view,
       [](View& v) { own(v).restart_asked_ms = v.restarted_ms = 7; },
       "follow -> keep"},
      {"which a primary leaves alone",
       primary_view,
       [](View& v) { own(v).restart_asked_ms = 7; },
       "lead -> keep"},
      {"a rebuild begins with the vote",
       replica_view,
       [](View& v) { own(v).rebuild_asked_ms = 7; },
       "leave_for_rebuild -> change_votes"},
      {"a removal, too",
       replica_view,
       [](View& v) { own(v).removal_asked_ms = 7; },
       "leave_on_request -> change_votes"},
      {"without a vote it stops its server",
       replica_view,
       [](View& v) {
         own(v).removal_asked_ms = 7;
         take_vote(v, "node2");
       },
       "leave_for_good -> restart"},
      {"and starts it no more",
       replica_view,
       [](View& v) {
         own(v).removal_asked_ms = 7;
         take_vote(v, "node2");
         v.server.process = cluster::Process::Stopped;
         v.server.facts.reset();
       },
       "stay_away -> keep"},
      {"then the primary has it forgotten",
       primary_view,
       [](View& v) {
         find(v, "node2").member.removal_asked_ms = 7;
         find(v, "node2").state.role = Role::Down;
         take_vote(v, "node2");
       },
       "forget_removed -> forget_member"},
  });
}

// node2, which was the primary until now and is read-only.
View former_primary_view() {
  View view = replica_view();
  view.server.facts->source_semi_sync = true;
  view.server.facts->replica_semi_sync = view.server.facts->replica_semi_sync_active = false;
  view.server.facts->following.reset();
  return view;
}

// It has turned to the next one and receives nothing yet.
View turned_view() {
  View view = former_primary_view();
  view.server.facts->following = following("127.0.0.1", 6041);
  view.server.facts->following->receiver = cluster::Receiver::Off;
  view.server.facts->following->applier_runs = false;
  view.server.facts->replica_semi_sync = true;
  return view;
}

TEST(Demotion, AcknowledgesBeforeItRequiresNoAcknowledgementsAnyMore) {
  expect_all({
      {"it turns to the next one", former_primary_view, nothing, "change_source -> change_source"},
      {"gives acknowledgements",
       turned_view,
       [](View& v) { v.server.facts->replica_semi_sync = false; },
       "give_acks_as_voter -> give_acks"},
      {"begins to receive", turned_view, nothing, "receive_before_applying -> start_receiver"},
      {"and does for a while before it applies anything",
       turned_view,
       [](View& v) {
         v.resting = {Action::StartReceiver};
         v.server.facts->following->receiver = cluster::Receiver::Connecting;
       },
       "receive_before_applying -> keep"},
      {"but for no longer where the next one cannot be reached",
       turned_view,
       [](View& v) { v.server.facts->following->receiver = cluster::Receiver::Connecting; },
       "stop_requiring_acks -> stop_requiring_acks"},
      {"nor where the receiver has stopped again",
       turned_view,
       [](View& v) { v.resting = {Action::StartReceiver}; },
       "stop_requiring_acks -> stop_requiring_acks"},
      {"nor once it receives",
       turned_view,
       [](View& v) { v.server.facts->following->receiver = cluster::Receiver::On; },
       "stop_requiring_acks -> stop_requiring_acks"},
      {"then it applies",
       turned_view,
       [](View& v) {
         v.server.facts->following->receiver = cluster::Receiver::On;
         v.server.facts->source_semi_sync = false;
       },
       "start_replication -> start_replication"},
      {"without a vote nobody waits for what it receives",
       former_primary_view,
       [](View& v) { take_vote(v, "node2"); },
       "stop_requiring_acks -> stop_requiring_acks"},
      {"what it still has to apply comes first",
       former_primary_view,
       [](View& v) {
         v.server.facts->following = following("127.0.0.1", 6043);
         v.server.facts->following->retrieved = gtids(from_one("100-120"));
       },
       "stop_requiring_acks -> stop_requiring_acks"},
  });
}

TEST(Demotion, RequiresNoAcknowledgementsAnyMore) {
  expect_all({
      {"nobody waits",
       replica_view,
       [](View& v) { v.server.facts->source_semi_sync = true; },
       "stop_requiring_acks -> stop_requiring_acks"},
      {"who waits must not be told OK",
       replica_view,
       [](View& v) {
         v.server.facts->source_semi_sync = true;
         v.server.facts->waiting_for_acks = 1;
       },
       "kill_waiting_clients -> kill"},
  });
}

TEST(FailSafe, ThePrimaryAsksTheMembersWhileTheStoreIsOutOfReach) {
  const auto out_of_reach = [](View& v) {
    v.store_answers = false;
    v.can_ask_members = true;
    v.now = *v.renewal_tried + Policy().renew_every();
  };
  expect_all({
      {"when it is due", primary_view, out_of_reach, "ask_members -> ask_members"},
      {"also when it can be read and takes no renewals",
       primary_view,
       [&](View& v) {
         out_of_reach(v);
         v.store_answers = v.renewal_failed = true;
       },
       "ask_members -> ask_members"},
      {"where there is a way",
       primary_view,
       [&](View& v) {
         out_of_reach(v);
         v.can_ask_members = false;
       },
       "lead -> keep"},
      {"unless another one is being elected",
       primary_view,
       [&](View& v) {
         out_of_reach(v);
         v.topology.leadership.election =
             cluster::Election{cluster::Term(2), NodeName("node3"), ""};
       },
       "fence_for_election -> fence"},
  });
}

// Its candidate is not seen to be down by itself.
TEST(ManualFailover, OneThatIsUnderWayIsHeldUpByWhoIsDown) {
  View view = replica_view();
  const NodeName candidate("node2");
  EXPECT_EQ(obstacle_to(view.topology, candidate), "");
  find(view, "node2").state.role = Role::Down;
  EXPECT_EQ(obstacle_to(view.topology, candidate), "node2 is down");
  find(view, "node2").state.role = Role::Replica;
  find(view, "node3").state.role = Role::Down;
  EXPECT_NE(obstacle_to(view.topology, candidate), "");
}

TEST(ManualFailover, SaysWhatWouldBeLost) {
  View view = primary_view();
  EXPECT_EQ(plan_failover(view.topology, {}, "", 1).error().message,
            "node1 is at work as the primary; use 'dorsal switchover'");
  find(view, "node1").state.role = Role::Down;
  find(view, "node1").state.gtid_executed = from_one("1-120");
  auto planned = plan_failover(view.topology, {}, "it burnt", 1);
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->obstacle, "");
  EXPECT_FALSE(planned->election.may_lose_writes);
  find(view, "node3").state.role = Role::Down;
  find(view, "node3").state.gtid_executed = from_one("1-110");
  planned = plan_failover(view.topology, {}, "it burnt", 1);
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->election.candidate, NodeName("node2"));
  EXPECT_TRUE(planned->election.may_lose_writes);
  EXPECT_EQ(planned->lost.to_string(), from_one("101-120"));
  EXPECT_EQ(planned->unknown, (std::vector<std::string>{"node1", "node3"}));
  find(view, "node1").state.role = Role::Joining;
  planned = plan_failover(view.topology, {}, "it burnt", 1);
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->unknown, (std::vector<std::string>{"node1", "node3"}));
  EXPECT_EQ(plan_failover(view.topology, NodeName("node3"), "", 1).error().message,
            "node3 is down");
}

TEST(ManualFailover, TheChosenOneLeadsWithWhatItHas) {
  View view = election_view();
  find(view, "node3").state.role = Role::Down;
  promise(view, "node2", from_one("1-100"));
  EXPECT_EQ(decide(view, Policy()).rule, "wait_for_election");
  auto& election = *view.topology.leadership.election;
  election.candidate = NodeName("node2");
  EXPECT_EQ(decide(view, Policy()).rule, "wait_for_election");
  election.may_lose_writes = true;
  EXPECT_EQ(decide(view, Policy()).rule, "lead_as_elected");
}

TEST(ManualFailover, TheChosenOneRequiresAcknowledgementsThoughItHadNoVote) {
  const auto has_given_up = [](View& v) { mark(v, "node2", cluster::Vote::State::Lost); };
  const auto has_none = [](View& v) { take_vote(v, "node2"); };
  for (const auto& change : std::vector<std::function<void(View&)>>{has_given_up, has_none}) {
    View view = election_view();
    change(view);
    find(view, "node3").state.role = Role::Down;
    promise(view, "node2", from_one("1-100"));
    view.topology.leadership.election->candidate = NodeName("node2");
    view.topology.leadership.election->may_lose_writes = true;
    const Step step = decide(view, Policy());
    ASSERT_EQ(step.rule, "lead_as_elected");
    const auto next = leadership_after(step, view, Policy(), 7);
    EXPECT_EQ(next.votes.at(NodeName("node2")), cluster::Vote());
    EXPECT_TRUE(next.votes.contains(NodeName("node3")));
  }
}

}  // namespace
}  // namespace dorsal::failover
