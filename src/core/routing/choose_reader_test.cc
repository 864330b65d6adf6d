#include "core/routing/choose_reader.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace dorsal::routing {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

Candidate candidate(bool covers, std::uint64_t known, std::int64_t outstanding) {
  Candidate made;
  made.usable = true;
  made.covers = covers;
  made.known = known;
  made.outstanding = outstanding;
  return made;
}

// How often each is chosen, in per cent.
std::map<std::size_t, int> shares(const std::vector<Candidate>& candidates) {
  std::minstd_rand random(1);
  std::map<std::size_t, int> shares;
  constexpr int kRounds = 20'000;
  for (int i = 0; i < kRounds; ++i) {
    ++shares[choose_reader(candidates, static_cast<std::uint32_t>(random()))->index];
  }
  for (auto& [index, share] : shares) share = (share * 100 + kRounds / 2) / kRounds;
  return shares;
}

TEST(ChooseReader, PrefersAReplicaThatNeedsNoWait) {
  std::vector<Candidate> candidates = {candidate(false, 9, 0), candidate(true, 5, 100)};
  auto choice = choose_reader(candidates, 0);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->index, 1U);
  EXPECT_FALSE(choice->must_wait);
}

TEST(ChooseReader, WaitsOnTheReplicaWithTheBestKnownPosition) {
  std::vector<Candidate> candidates = {candidate(false, 9000, 5), candidate(false, 8000, 0)};
  auto choice = choose_reader(candidates, 1);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->index, 0U);
  EXPECT_TRUE(choice->must_wait);
}

TEST(ChooseReader, AFewTransactionsDoNotDrawAllReadsToOneReplica) {
  const auto chosen = shares({candidate(false, 9000, 0), candidate(false, 8990, 0)});
  EXPECT_NEAR(chosen.at(0), 50, 2);
}

TEST(ChooseReader, EqualOnesGetEqualShares) {
  const auto chosen = shares({candidate(true, 9, 0), candidate(true, 9, 0), candidate(true, 9, 0)});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(chosen.at(i), 33, 2) << i;
}

TEST(ChooseReader, TheLessBusyOfTwoWins) {
  const auto chosen = shares({candidate(true, 9, 4), candidate(true, 9, 2), candidate(true, 9, 9)});
  EXPECT_NEAR(chosen.at(1), 67, 2) << "each pair that it is in";
  EXPECT_NEAR(chosen.at(0), 33, 2);
  EXPECT_FALSE(chosen.contains(2)) << "it loses every comparison";
}

TEST(ChooseReader, WeightsShareTheReadsOut) {
  std::vector<Candidate> candidates = {candidate(true, 9, 0), candidate(true, 9, 0)};
  candidates[0].weight = 300;
  EXPECT_NEAR(shares(candidates).at(0), 75, 2);
  candidates[0].outstanding = 3;
  candidates[1].outstanding = 1;
  EXPECT_NEAR(shares(candidates).at(0), 75, 2) << "each has its share of the work";
  candidates[0].outstanding = 4;
  EXPECT_EQ(shares(candidates).at(1), 100);
}

TEST(ChooseReader, AWeightOfNothingIsForNeed) {
  std::vector<Candidate> candidates = {candidate(true, 9, 0), candidate(true, 9, 50)};
  candidates[0].weight = 0;
  EXPECT_EQ(shares(candidates).at(1), 100);
  candidates[1].usable = false;
  EXPECT_EQ(shares(candidates).at(0), 100);
}

TEST(ChooseReader, TheOwnZoneComesFirst) {
  std::vector<Candidate> candidates = {candidate(true, 9, 0),
                                       candidate(true, 9, 20),
                                       candidate(true, 9, 20)};
  candidates[1].is_near = candidates[2].is_near = true;
  EXPECT_FALSE(shares(candidates).contains(0));
  candidates[1].covers = candidates[2].covers = false;
  EXPECT_EQ(shares(candidates).at(0), 100) << "the way to another zone is shorter than a wait";
}

TEST(ChooseReader, ASlowOneIsEasedOut) {
  std::vector<Candidate> candidates = {candidate(true, 9, 0), candidate(true, 9, 0)};
  candidates[0].latency_ns = candidates[1].latency_ns = kMillisecond;
  EXPECT_NEAR(shares(candidates).at(0), 50, 2);
  candidates[0].latency_ns = 5 * kMillisecond;
  EXPECT_FALSE(shares(candidates).contains(0));
  candidates[1].outstanding = 3;
  EXPECT_NEAR(shares(candidates).at(0), 50, 2) << "when the other is busy it helps";
}

TEST(ChooseReader, ASlowZoneLosesItsPreference) {
  std::vector<Candidate> candidates = {candidate(true, 9, 0), candidate(true, 9, 0)};
  candidates[0].is_near = true;
  candidates[0].latency_ns = 6 * kMillisecond;
  candidates[1].latency_ns = kMillisecond;
  EXPECT_EQ(shares(candidates).at(0), 100);
  candidates[0].latency_ns = 20 * kMillisecond;
  EXPECT_EQ(shares(candidates).at(1), 100);
}

TEST(ChooseReader, NobodyWhenNoneIsUsableOrWorthWaitingFor) {
  std::vector<Candidate> candidates = {candidate(true, 9, 0), candidate(false, 9, 0)};
  candidates[0].usable = false;
  candidates[1].worth_waiting = false;
  EXPECT_FALSE(choose_reader(candidates, 0));
  EXPECT_FALSE(choose_reader({}, 0));
}

TEST(Slowness, GrowsWithTheRatioAboveWhatIsNoticeable) {
  EXPECT_EQ(slowness(0, kMillisecond), 0) << "unknown is fast";
  EXPECT_EQ(slowness(kMillisecond * 19 / 10, kMillisecond), 0);
  EXPECT_EQ(slowness(kMillisecond * 2, kMillisecond), 1);
  EXPECT_EQ(slowness(kMillisecond * 4, kMillisecond), 3);
  EXPECT_EQ(slowness(kMillisecond * 1000, kMillisecond), 511);
  EXPECT_EQ(slowness(200'000, 20'000), 0) << "a fifth of a millisecond is nothing";
}

}  // namespace
}  // namespace dorsal::routing
