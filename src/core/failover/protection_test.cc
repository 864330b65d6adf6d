#include "core/failover/protection.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "core/failover/ack_watch.h"
#include "core/failover/cases_testing.h"
#include "core/failover/election.h"
#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

// No replica acknowledges, for as long as it takes.
View lonely_view() {
  View view = primary_view();
  view.topology.charter.mode = cluster::Mode::Available;
  view.unacknowledged_since = kNow - Policy().available_patience;
  view.server.facts->waiting_for_acks = 3;
  view.server.facts->acknowledging = 2;  // they hang
  return view;
}

View unprotected_view() {
  View view = lonely_view();
  view.topology.leadership.unprotected = true;
  view.server.facts->source_semi_sync = view.server.facts->source_semi_sync_active = false;
  view.server.facts->acknowledging = 0;
  view.unacknowledged_since.reset();
  return view;
}

// Replicas are back, and acknowledgements required again.
View recovering_view() {
  View view = unprotected_view();
  view.server.facts->acknowledging = 2;
  view.server.facts->source_semi_sync = view.server.facts->source_semi_sync_active = true;
  view.before_acks = gtids(from_one("1-100"));
  return view;
}

TEST(Protection, IsGivenUpAndTakenBackInThisOrder) {
  expect_all({
      {"the store first", lonely_view, nothing, "go_unprotected -> change_protection"},
      {"where nobody is left to acknowledge, at once",
       lonely_view,
       [](View& v) {
         v.unacknowledged_since.reset();
         find(v, "node2").member.joined = find(v, "node3").member.joined = false;
       },
       "go_unprotected -> change_protection"},
      {"not in the strict mode",
       lonely_view,
       [](View& v) { v.topology.charter.mode = cluster::Mode::SemiSync; },
       "lead -> keep"},
      {"not at once", lonely_view, [](View& v) { v.unacknowledged_since = kNow; }, "lead -> keep"},
      {"not without the store",
       lonely_view,
       [](View& v) { v.store_answers = false; },
       "lead -> keep"},
      {"then the server",
       lonely_view,
       [](View& v) { v.topology.leadership.unprotected = true; },
       "stop_acks_unprotected -> stop_requiring_acks"},
      {"which goes on, and says so", unprotected_view, nothing, "alarm_unprotected -> keep"},
      {"also after a restart",
       unprotected_view,
       [](View& v) { v.server.may_be_writable = v.server.facts->writable = false; },
       "open_for_writes -> open_for_writes"},
      {"with replicas back they acknowledge again",
       unprotected_view,
       [](View& v) { v.server.facts->acknowledging = 1; },
       "require_acks_again -> require_acks"},
      {"if they are well",
       unprotected_view,
       [](View& v) {
         v.server.facts->acknowledging = 1;
         find(v, "node2").state.healthy = find(v, "node3").state.healthy = false;
       },
       "alarm_unprotected -> keep"},
      {"and once they have everything it is over",
       recovering_view,
       nothing,
       "end_unprotected -> change_protection"},
      {"not before",
       recovering_view,
       [](View& v) { v.before_acks = gtids(from_one("1-101")); },
       "alarm_unprotected -> keep"},
  });
}

// Another number of acknowledgements is asked for.
View asked_for(std::uint32_t acks, std::uint32_t in_force) {
  View view = primary_view();
  view.topology.charter.acks = acks;
  view.topology.leadership.acks = view.server.facts->required_acks = in_force;
  view.before_acks = gtids(from_one("1-100"));
  return view;
}

TEST(Protection, MoreAcknowledgementsAreRequiredBeforeTheyCount) {
  const auto view = [] { return asked_for(2, 1); };
  const auto required = [] {
    View v = asked_for(2, 1);
    v.server.facts->required_acks = 2;
    return v;
  };
  expect_all({
      {"the server first", view, nothing, "require_acks_before_writes -> require_acks"},
      {"then the store", required, nothing, "record_more_acks -> change_protection"},
      {"once so many voters have all from before",
       required,
       [](View& v) { find(v, "node3").state.gtid_executed = from_one("1-99"); },
       "lead -> keep"},
      {"whose votes count",
       required,
       [](View& v) { mark(v, "node3", cluster::Vote::State::Leaving); },
       "lead -> keep"},
      {"which is known", required, [](View& v) { v.before_acks.reset(); }, "lead -> keep"},
      {"not without the store", required, [](View& v) { v.store_answers = false; }, "lead -> keep"},
      {"a new primary goes on with it",
       booted_primary_view,
       [](View& v) {
         v.topology.charter.acks = 2;
         v.topology.leadership.acks = 1;
       },
       "require_acks_before_writes -> require_acks"},
  });
  EXPECT_EQ(decide(view(), Policy()).acks, 2U);
  EXPECT_EQ(decide(required(), Policy()).acks, 2U);
}

TEST(Protection, FewerCountBeforeFewerAreRequired) {
  const auto view = [] { return asked_for(1, 2); };
  expect_all({
      {"the store first", view, nothing, "record_fewer_acks -> change_protection"},
      {"not without it", view, [](View& v) { v.store_answers = false; }, "lead -> keep"},
      {"then the server",
       view,
       [](View& v) { v.topology.leadership.acks = 1; },
       "require_acks_before_writes -> require_acks"},
  });
  EXPECT_EQ(decide(view(), Policy()).acks, 1U);
}

TEST(Protection, IsGivenUpForModeAsyncInTheSameOrder) {
  const auto view = [] {
    View v = primary_view();
    v.topology.charter.mode = cluster::Mode::Async;
    return v;
  };
  expect_all({
      {"the store first", view, nothing, "go_unprotected -> change_protection"},
      {"not without it", view, [](View& v) { v.store_answers = false; }, "lead -> keep"},
      {"then the server, at once",
       view,
       [](View& v) { v.topology.leadership.unprotected = true; },
       "stop_acks_unprotected -> stop_requiring_acks"},
      {"and that is all",
       view,
       [](View& v) {
         v.topology.leadership.unprotected = true;
         v.server.facts->source_semi_sync = false;
       },
       "lead -> keep"},
  });
}

TEST(Protection, ComesBackAfterModeAsyncOnceVotersHaveEverything) {
  const auto view = [] {
    View v = recovering_view();
    v.topology.charter.mode = cluster::Mode::SemiSync;
    return v;
  };
  expect_all({
      {"writes wait at once, whoever is there",
       view,
       [](View& v) {
         v.server.facts->source_semi_sync = false;
         v.server.facts->acknowledging = 0;
       },
       "require_acks_before_writes -> require_acks"},
      {"enough have everything", view, nothing, "end_unprotected -> change_protection"},
      {"too few do",
       view,
       [](View& v) { v.before_acks = gtids(from_one("1-101")); },
       "wait_for_protection -> keep"},
  });
}

TEST(Protection, BeginsUnprotectedByWhatWasWrittenBefore) {
  View view = primary_view();
  view.topology.leadership.votes.clear();
  const Step step = decide(view, Policy());
  EXPECT_EQ(step.rule, "record_required_acks");
  const auto next = leadership_after(step, view, Policy(), 0);
  EXPECT_TRUE(next.unprotected);
  EXPECT_TRUE(next.votes.contains(cluster::NodeName("node1")));
}

TEST(Protection, IsRefusedWhereItCouldNotBeKept) {
  cluster::Topology topology = settled();
  EXPECT_TRUE(check_protection(topology, cluster::Mode::SemiSync, 2));
  EXPECT_EQ(check_protection(topology, cluster::Mode::SemiSync, 3).error().message,
            "no write could be acknowledged by 3 replicas, as the cluster has 2 that have a vote");
  EXPECT_TRUE(check_protection(topology, cluster::Mode::Async, 3));
  topology.nodes[1].state.priority = 0;
  EXPECT_EQ(check_protection(topology, cluster::Mode::Available, 2).error().message,
            "no write could be acknowledged by 2 replicas, as the cluster has 1 that has a vote");
  topology.charter.acks = 2;
  EXPECT_TRUE(check_protection(topology, cluster::Mode::SemiSync, 2)) << "it is asked for already";
  topology.leadership = {};
  EXPECT_FALSE(check_protection(topology, cluster::Mode::SemiSync, 1)) << "nobody leads";
}

TEST(Protection, IsAsAskedOnceTheStoreSaysSo) {
  cluster::Topology topology = settled();
  EXPECT_TRUE(protection_is_as_asked(topology));
  topology.leadership.acks = 1;
  topology.charter.acks = 2;
  EXPECT_FALSE(protection_is_as_asked(topology));
  topology.leadership.acks = 2;
  EXPECT_TRUE(protection_is_as_asked(topology));
  topology.leadership.unprotected = true;
  EXPECT_FALSE(protection_is_as_asked(topology));
  topology.charter.mode = cluster::Mode::Async;
  EXPECT_TRUE(protection_is_as_asked(topology));
  topology.nodes[0].state.semi_sync = true;
  EXPECT_FALSE(protection_is_as_asked(topology)) << "its server waits for them still";
}

// Whoever was voted out since may have had what the others lack.
TEST(AckWatch, BeginsAnewWithEachTermVoteAndNumber) {
  AckWatch watch;
  View view = primary_view();
  view.server.facts->executed = gtids(from_one("1-100"));
  view.server.facts->in_flight = gtids(from_one("101"));
  const auto after = [&](const std::string& interval) {
    view.server.facts->executed = gtids(from_one(interval));
    view.server.facts->in_flight = {};
    watch.note(view);
    return view.before_acks->to_string();
  };
  watch.note(view);
  EXPECT_EQ(view.before_acks->to_string(), from_one("1-101"));
  EXPECT_EQ(after("1-110"), from_one("1-101"));
  mark(view, "node3", cluster::Vote::State::Leaving);
  EXPECT_EQ(after("1-120"), from_one("1-120"));
  view.server.facts->required_acks = 2;
  EXPECT_EQ(after("1-130"), from_one("1-130"));
  view.topology.leadership.term = cluster::Term(2);
  EXPECT_EQ(after("1-140"), from_one("1-140"));
  EXPECT_EQ(after("1-150"), from_one("1-140"));
  view.server.facts->source_semi_sync = false;
  watch.note(view);
  EXPECT_FALSE(view.before_acks);
}

// A replica that was never a voter and has strays keeps no clone from ending.
TEST(Protection, WhoCanNeverAcknowledgeIsNotWaitedFor) {
  View view = primary_view();
  cluster::Node& made = find(view, "node2");
  made.member.joined = false;
  made.state.role = cluster::Role::Joining;
  made.state.gtid_executed.clear();
  cluster::Node& other = find(view, "node3");
  view.topology.leadership.votes.erase(made.member.name);
  view.topology.leadership.votes.erase(other.member.name);
  EXPECT_EQ(decide(view, Policy()).rule, "lead") << "it votes in a moment";
  other.state.useless = true;
  EXPECT_EQ(decide(view, Policy()).rule, "fence_without_replicas");
  other.state.useless = false;
  other.state.role = cluster::Role::Down;
  EXPECT_EQ(decide(view, Policy()).rule, "fence_without_replicas");
}

// Else two nodes stay so for ever: the replica that was cloned anew waits to be told what it needs.
TEST(Protection, VotesEndAndBeginAsWellWithoutIt) {
  View view = unprotected_view();
  mark(view, "node2", cluster::Vote::State::Lost);
  const Step told = decide(view, Policy());
  EXPECT_EQ(told.rule, "say_what_others_need");
  mark(view, "node2", cluster::Vote::State::Counts);
  EXPECT_EQ(decide(view, Policy()).rule, "alarm_unprotected");
}

TEST(Protection, NobodyTakesOverWithoutIt) {
  View view = unprotected_view();
  EXPECT_NE(why_not_electable(view), "");
  view.topology.leadership.unprotected = false;
  EXPECT_EQ(why_not_electable(view), "");
}

}  // namespace
}  // namespace dorsal::failover
