#include "core/failover/settled.h"

#include <gtest/gtest.h>

#include <string>

#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

// node2, which has that and follows node1, whose newest state is of that time.
View look(const std::string& executed, std::int64_t published_ms) {
  View view = replica_view();
  view.server.facts->executed = gtids(executed);
  find(view, "node1").state.published_ms = published_ms;
  find(view, "node1").state.healthy = true;
  return view;
}

TEST(Settled, IsWhatWasThereTwoStatesOfThePrimaryAgo) {
  Settled settled;
  settled.note(look(from_two("1-3"), 1000));
  settled.note(look(from_two("1-4"), 1000));
  settled.note(look(from_two("1-5"), 2000));
  EXPECT_TRUE(settled.all().empty()) << "that state may have been on its way at the first look";
  settled.note(look(from_two("1-6"), 3000));
  EXPECT_EQ(settled.all(), gtids(from_two("1-3")));
  settled.note(look(from_two("1-7"), 4000));
  settled.note(look(from_two("1-8"), 5000));
  EXPECT_EQ(settled.all(), gtids(from_two("1-6")));
}

TEST(Settled, NothingIsWhileThePrimaryIsSilent) {
  Settled settled;
  for (int i = 0; i < 100; ++i) settled.note(look(from_two("1-3"), 1000));
  EXPECT_TRUE(settled.all().empty());
}

TEST(Settled, NothingIsWhileThePrimarysServerDoesNotAnswer) {
  Settled settled;
  for (std::int64_t at = 1000; at <= 5000; at += 1000) {
    View view = look(from_two("1-3"), at);
    find(view, "node1").state.healthy = false;
    settled.note(view);
  }
  EXPECT_TRUE(settled.all().empty());
}

TEST(Settled, AllIsWhatANodeHasThatReceivesNothingFromThePrimary) {
  Settled settled;
  View view = look(from_two("1-3"), 1000);
  view.server.facts->following = following("127.0.0.1", 6043);
  settled.note(view);
  EXPECT_EQ(settled.all(), gtids(from_two("1-3")));
}

TEST(Settled, BeginsAnewWithAnotherPrimary) {
  Settled settled;
  for (std::int64_t at = 1000; at <= 5000; at += 1000) settled.note(look(from_two("1-3"), at));
  EXPECT_FALSE(settled.all().empty());
  View next = look(from_two("1-5"), 6000);
  next.topology.leadership.term = cluster::Term(7);
  settled.note(next);
  EXPECT_TRUE(settled.all().empty());
}

}  // namespace
}  // namespace dorsal::failover
