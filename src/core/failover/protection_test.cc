#include <gtest/gtest.h>

#include <functional>
#include <string>

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
  view.unprotected_writes = gtids(from_one("1-100"));
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
       [](View& v) { v.unprotected_writes = gtids(from_one("1-101")); },
       "alarm_unprotected -> keep"},
  });
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
