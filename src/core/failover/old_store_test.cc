#include "core/failover/old_store.h"

#include <gmock/gmock.h>

#include "core/failover/cases_testing.h"
#include "core/failover/election.h"
#include "core/failover/manual_failover.h"
#include "core/failover/readiness.h"
#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

using cluster::NodeName;
using cluster::Remembered;
using cluster::Role;
using cluster::Term;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What all have seen of term 3, with node3 as its primary.
Remembered of_term_three() {
  return Remembered{12,
                    Term(3),
                    NodeName("node3"),
                    Term(),
                    {NodeName("node1"), NodeName("node2"), NodeName("node3")}};
}

// A store of term 1, with node1 as its primary, before nodes that have seen term 3.
View restored(View view) {
  view.topology.leadership.changes = 4;
  view.server.remembered = of_term_three();
  for (cluster::Node& each : view.topology.nodes) {
    each.state.remembered = of_term_three();
    each.state.remembered.members.clear();
  }
  return view;
}

View restored_primary() { return restored(primary_view()); }
View restored_replica() { return restored(replica_view()); }

// Node2, once the election that follows has begun.
View restored_election() {
  View view = restored(replica_view());
  const Step step = decide(view, Policy());
  view.topology.leadership = leadership_after(step, view, Policy(), 0);
  view.server.facts->following->receiver = cluster::Receiver::Off;
  return view;
}

void promise_after_restore(View& view, const std::string& name, const std::string& received) {
  const Term term = view.topology.leadership.election->term;
  find(view, name).promise = cluster::Promise{term, received, !received.empty(), of_term_three()};
}

TEST(OldStore, WhatIsSeenIsRememberedOnce) {
  View view = replica_view();
  EXPECT_EQ(decide(view, Policy()).rule, "follow") << "nobody counts changes";
  view.topology.leadership.changes = 4;
  const Step step = decide(view, Policy());
  EXPECT_EQ(step.action, Action::Remember);
  EXPECT_EQ(step.remembered->changes, 4U);
  EXPECT_EQ(step.remembered->term, Term(1));
  EXPECT_EQ(step.remembered->primary, NodeName("node1"));
  EXPECT_THAT(step.remembered->members,
              ElementsAre(NodeName("node1"), NodeName("node2"), NodeName("node3")));
  view.server.remembered = *step.remembered;
  EXPECT_EQ(decide(view, Policy()).rule, "follow");
  view.topology.nodes.pop_back();
  EXPECT_EQ(decide(view, Policy()).action, Action::Remember) << "another member";
  view.resting = {Action::Remember};
  EXPECT_EQ(decide(view, Policy()).rule, "follow") << "nobody waits for a disk";
}

TEST(OldStore, ChangesAreCounted) {
  View view = election_view();
  view.topology.leadership.changes = 4;
  const auto after = [&](Action action) {
    Step step;
    step.action = action;
    step.votes = view.topology.leadership.votes;
    return leadership_after(step, view, Policy(), 0).changes;
  };
  for (Action action :
       {Action::Lead, Action::Elect, Action::ChangeVotes, Action::ChangeProtection}) {
    EXPECT_EQ(after(action), 5U) << to_string(action);
  }
  for (Action action : {Action::Renew, Action::HandOver, Action::ChangeSwitchover}) {
    EXPECT_EQ(after(action), 4U) << to_string(action);
  }
  // After an agent of an older version, which counts nothing.
  view.topology.leadership.changes = 0;
  find(view, "node3").state.remembered = of_term_three();
  EXPECT_EQ(after(Action::ChangeVotes), 13U);
}

TEST(OldStore, NobodyTakesWritesOrFollowsInOne) {
  expect_all({
      {"the primary", restored_primary, nothing, "fence_for_election -> fence"},
      {"a primary that has not seen it hears it from the others",
       restored_primary,
       [](View& v) { v.server.remembered = {}; },
       "fence_for_election -> fence"},
      {"without writes it waits",
       restored_primary,
       [](View& v) {
         v.server.may_be_writable = false;
         v.server.remembered = {};
       },
       "refuse_old_store -> keep"},
      {"a replica that is not the first to notice",
       restored_replica,
       [](View& v) { v.server.remembered.changes = 11; },
       "refuse_old_store -> keep"},
      {"its lease may run out",
       restored_replica,
       [](View& v) {
         v.renewal_seen = kNow - Policy().lease_ttl;
         find(v, "node3").state.role = Role::Down;
       },
       "refuse_old_store -> keep"},
      {"an older agent, which counts nothing, has written it",
       restored_replica,
       [](View& v) { v.topology.leadership.changes = 0; },
       "follow -> keep"},
      {"it has seen no more than that",
       restored_replica,
       [](View& v) {
         v.topology.leadership.changes = 12;
         v.topology.leadership.term = Term(3);
         for (auto& each : v.topology.nodes) each.state.remembered.primary = NodeName("node1");
         v.server.remembered.primary = NodeName("node1");
       },
       "follow -> keep"},
      {"as many changes, and another primary of that term",
       restored_replica,
       [](View& v) {
         v.topology.leadership.changes = 12;
         v.topology.leadership.term = Term(3);
       },
       "begin_election_after_restore -> elect"},
      {"more changes, and an older term",
       restored_replica,
       [](View& v) { v.topology.leadership.changes = 13; },
       "begin_election_after_restore -> elect"},
  });
}

TEST(OldStore, WhoRemembersMostBeginsAnElectionOfAll) {
  View view = restored_replica();
  const Step step = decide(view, Policy());
  EXPECT_EQ(step.rule, "begin_election_after_restore");
  const auto next = leadership_after(step, view, Policy(), 7);
  EXPECT_TRUE(next.election->after_restore);
  EXPECT_EQ(next.election->term, Term(4));
  EXPECT_EQ(next.changes, 13U);

  expect_all({
      {"one that it remembers is down",
       restored_replica,
       [](View& v) { find(v, "node3").state.role = Role::Down; },
       "refuse_old_store -> keep"},
      {"the store does not know one",
       restored_replica,
       [](View& v) { v.topology.nodes.pop_back(); },
       "refuse_old_store -> keep"},
      {"one that was removed since is not waited for",
       restored_replica,
       [](View& v) {
         v.server.remembered.members.pop_back();
         find(v, "node3").state.role = Role::Down;
       },
       "begin_election_after_restore -> elect"},
      {"another one remembers more",
       restored_replica,
       [](View& v) { find(v, "node3").state.remembered.changes = 13; },
       "refuse_old_store -> keep"},
      {"the others have not been told what it remembers",
       restored_replica,
       [](View& v) { find(v, "node2").state.remembered = {}; },
       "refuse_old_store -> keep"},
      {"the cluster is paused",
       restored_replica,
       [](View& v) { v.topology.pause.emplace(); },
       "refuse_old_store -> keep"},
      {"an election of the old days is under way",
       restored_replica,
       [](View& v) {
         v.topology.leadership.election = cluster::Election{Term(2), NodeName("node3"), "", 0};
       },
       "begin_election_after_restore -> elect"},
      {"it has no data itself",
       restored_replica,
       [](View& v) { v.server.stage = cluster::DataStage::Fresh; },
       "begin_election_after_restore -> elect"},
  });
}

TEST(OldStore, WhoWasToLeaveInItTakesPart) {
  const auto is_stopped = [](View& v) {
    own(v).removal_asked_ms = 1;
    take_vote(v, "node2");
    v.server.process = cluster::Process::Stopped;
    v.server.facts.reset();
  };
  expect_all({
      {"it may have been added again since", restored_replica, is_stopped, "start_server -> start"},
      {"in a store that knows all it stays away", replica_view, is_stopped, "stay_away -> keep"},
  });
  View view = replica_view();
  is_stopped(view);
  EXPECT_EQ(role_of(view, Policy()), Role::Down);
  own(view).joined = false;
  EXPECT_EQ(role_of(view, Policy()), Role::Down) << "or nobody would forget it";
}

TEST(OldStore, WhoIsMissingIsNamed) {
  View view = restored_replica();
  find(view, "node3").state.role = Role::Down;
  view.topology.nodes.erase(view.topology.nodes.begin());
  EXPECT_THAT(decide(view, Policy()).activity, HasSubstr("node1, node3 cannot be asked"));
  view = restored_replica();
  find(view, "node3").state.remembered.changes = 13;
  EXPECT_THAT(decide(view, Policy()).activity,
              HasSubstr("waiting for the node that remembers most"));
}

TEST(OldStore, APromiseThenTellsAllAndWhatIsRemembered) {
  View view = restored_election();
  view.server.facts->executed = gtids(from_one("1-100") + "," + from_two("1-3"));
  const Step step = decide(view, Policy());
  ASSERT_EQ(step.action, Action::Promise) << step.rule;
  EXPECT_EQ(step.promise->received, from_one("1-100") + "," + from_two("1-3"));
  EXPECT_EQ(step.promise->remembered, of_term_three());
  EXPECT_EQ(step.promise->term, Term(4));

  view.server.stage = cluster::DataStage::Fresh;
  own(view).joined = false;
  const Step without_data = decide(view, Policy());
  ASSERT_EQ(without_data.action, Action::Promise) << without_data.rule;
  EXPECT_FALSE(without_data.promise->may_lead);
  EXPECT_EQ(without_data.promise->received, "");
}

TEST(OldStore, EveryMemberMustPromise) {
  View view = restored_election();
  promise_after_restore(view, "node2", from_one("1-100"));
  promise_after_restore(view, "node3", from_one("1-100"));
  EXPECT_EQ(decide(view, Policy()).rule, "wait_for_election");
  EXPECT_THAT(decide(view, Policy()).activity, HasSubstr("waiting for node1"));
  promise_after_restore(view, "node1", from_one("1-90"));
  EXPECT_EQ(elected(view), NodeName("node3"));
  // One that only some remember.
  find(view, "node1").promise->remembered->members.emplace_back("node4");
  find(view, "node1").promise->remembered->changes = 14;
  EXPECT_FALSE(is_decided(view));
  EXPECT_THAT(decide(view, Policy()).activity, HasSubstr("waiting for node4"));
}

TEST(OldStore, TheNewestPrimaryHasAllThatCounts) {
  View view = restored_election();
  promise_after_restore(view, "node1", from_one("1-120"));
  promise_after_restore(view, "node2", from_one("1-100"));
  promise_after_restore(view, "node3", from_one("1-100"));
  EXPECT_EQ(elected(view), NodeName("node3")) << "node1 alone has strays";
  find(view, "node3").promise->may_lead = false;
  EXPECT_EQ(elected(view), NodeName("node1")) << "who has all of that, if need be";
  // Its data is gone: then whoever has all that the others have.
  promise_after_restore(view, "node3", "");
  EXPECT_FALSE(find(view, "node3").promise->may_lead);
  EXPECT_EQ(elected(view), NodeName("node1"));
  promise_after_restore(view, "node2", from_two("1"));
  EXPECT_TRUE(is_decided(view));
  EXPECT_FALSE(elected(view));
}

TEST(OldStore, OfTwoPrimariesOfATermTheOneWithFollowersCounts) {
  View view = restored_election();
  for (const char* name : {"node1", "node2", "node3"}) {
    promise_after_restore(view, name, from_one("1-100"));
  }
  find(view, "node3").promise->received = from_one("1-101");
  Remembered& other = *find(view, "node1").promise->remembered;
  other.primary = NodeName("node1");
  other.changes = 15;
  EXPECT_EQ(elected(view), NodeName("node3"));
}

TEST(OldStore, AnOperatorIsToldAndMayOverride) {
  View view = restored_replica();
  find(view, "node1").state.role = Role::Down;
  EXPECT_THAT(readiness(view.topology).blocked_by, HasSubstr("put back to an older state"));
  const auto planned = plan_failover(view.topology, NodeName("node2"), "", 0);
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_THAT(planned->obstacle, HasSubstr("put back to an older state"));
  EXPECT_EQ(planned->election.term, Term(4));
  view.topology.leadership.election = planned->election;
  view.topology.leadership.changes = view.topology.next_change();
  view.server.facts->following->receiver = cluster::Receiver::Off;
  EXPECT_EQ(decide(view, Policy()).action, Action::Remember);
  view.resting = {Action::Remember};
  EXPECT_EQ(decide(view, Policy()).action, Action::Promise);
}

}  // namespace
}  // namespace dorsal::failover
