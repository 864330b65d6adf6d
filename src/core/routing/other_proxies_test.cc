#include "core/routing/other_proxies.h"

#include <gtest/gtest.h>

namespace dorsal::routing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart = TimePoint() + std::chrono::hours(1);

// Looks every `every` from kStart on, none of which finds anybody, until kStart + `for_so_long`.
void look_in_vain(OtherProxies& others, Duration for_so_long, Duration every) {
  for (Duration at{}; at <= for_so_long; at += every) others.saw_none(kStart + at);
}

TEST(OtherProxies, AreExcludedOnlyAfterAWhileOfLooks) {
  OtherProxies others;
  EXPECT_FALSE(others.are_excluded(kStart));
  look_in_vain(others, OtherProxies::kQuiet - seconds(1), milliseconds(500));
  EXPECT_FALSE(others.are_excluded(kStart + OtherProxies::kQuiet - seconds(1)));
  look_in_vain(others, OtherProxies::kQuiet, milliseconds(500));
  EXPECT_TRUE(others.are_excluded(kStart + OtherProxies::kQuiet));
}

TEST(OtherProxies, ALookCountsForAMoment) {
  OtherProxies others;
  look_in_vain(others, OtherProxies::kQuiet, milliseconds(500));
  const TimePoint last = kStart + OtherProxies::kQuiet;
  EXPECT_TRUE(others.are_excluded(last + OtherProxies::kFresh));
  EXPECT_FALSE(others.are_excluded(last + OtherProxies::kFresh + milliseconds(1)));
  // The next one makes up for it.
  others.saw_none(last + seconds(2));
  EXPECT_TRUE(others.are_excluded(last + seconds(2)));
}

TEST(OtherProxies, WhoHasNotLookedForLongBeginsAnew) {
  OtherProxies others;
  look_in_vain(others, OtherProxies::kQuiet, milliseconds(500));
  const TimePoint back = kStart + OtherProxies::kQuiet + OtherProxies::kGap + milliseconds(1);
  others.saw_none(back);
  EXPECT_FALSE(others.are_excluded(back));
}

TEST(OtherProxies, SomebodyIsBelievedToBeThereForAWhile) {
  OtherProxies others;
  look_in_vain(others, OtherProxies::kQuiet, milliseconds(500));
  others.saw_some();
  EXPECT_FALSE(others.are_excluded(kStart + OtherProxies::kQuiet));
  others.saw_none(kStart + OtherProxies::kQuiet + milliseconds(1));
  EXPECT_FALSE(others.are_excluded(kStart + OtherProxies::kQuiet + milliseconds(1)));
}

TEST(OtherProxies, AServerThatIsLostCountsAsItWas) {
  OtherProxies alone;
  look_in_vain(alone, OtherProxies::kQuiet, milliseconds(500));
  alone.lost();
  const TimePoint later = kStart + std::chrono::hours(1);
  EXPECT_TRUE(alone.are_excluded(later));
  alone.saw_none(later);
  EXPECT_FALSE(alone.are_excluded(later)) << "who has come meanwhile may have gone a moment ago";

  OtherProxies in_company;
  look_in_vain(in_company, OtherProxies::kQuiet, milliseconds(500));
  in_company.saw_some();
  in_company.lost();
  EXPECT_FALSE(in_company.are_excluded(kStart + OtherProxies::kQuiet));

  OtherProxies never_seen;
  never_seen.lost();
  EXPECT_FALSE(never_seen.are_excluded(kStart));
}

TEST(Introduction, TakesLongerThanALookOfOthersCounts) {
  Introduction introduction;
  introduction.arrived(kStart);
  EXPECT_EQ(introduction.wait(kStart), OtherProxies::kIntroduction);
  EXPECT_EQ(introduction.wait(kStart + milliseconds(300)),
            OtherProxies::kIntroduction - milliseconds(300));
  EXPECT_EQ(introduction.wait(kStart + seconds(1)), Duration::zero());
}

TEST(Introduction, WhoIsSoonBackIsStillKnown) {
  Introduction introduction;
  introduction.arrived(kStart);
  TimePoint now = kStart + OtherProxies::kSettled;
  introduction.left(now);
  introduction.left(now + seconds(5));  // it could not connect meanwhile
  now += OtherProxies::kRemembered;
  introduction.arrived(now);
  EXPECT_EQ(introduction.wait(now), Duration::zero());
}

TEST(Introduction, WhoWasAwayForLongIsNotKnown) {
  Introduction introduction;
  introduction.arrived(kStart);
  TimePoint now = kStart + OtherProxies::kSettled;
  introduction.left(now);
  now += OtherProxies::kRemembered + milliseconds(1);
  introduction.arrived(now);
  EXPECT_EQ(introduction.wait(now), OtherProxies::kIntroduction);
}

TEST(Introduction, WhoWasThereForAMomentOnlyIsNotKnown) {
  Introduction introduction;
  introduction.arrived(kStart);
  introduction.left(kStart + seconds(1));
  introduction.arrived(kStart + seconds(2));
  EXPECT_EQ(introduction.wait(kStart + seconds(2)), OtherProxies::kIntroduction);
}

TEST(Introduction, ShortVisitsDoNotKeepSomebodyKnown) {
  Introduction introduction;
  introduction.arrived(kStart);
  TimePoint now = kStart + OtherProxies::kSettled;
  introduction.left(now);
  for (int visit = 0; visit < 4; ++visit) {
    now += seconds(3);
    introduction.arrived(now);
    EXPECT_EQ(introduction.wait(now) == Duration::zero(), visit < 3) << visit;
    introduction.left(now);
  }
}

}  // namespace
}  // namespace dorsal::routing
