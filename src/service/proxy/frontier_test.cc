#include "service/proxy/frontier.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace dorsal::proxy {
namespace {

constexpr const char* kA = "11111111-1111-1111-1111-111111111111";
std::string a(const std::string& rest) { return std::string(kA) + rest; }
std::string b(const std::string& rest) { return "22222222-2222-2222-2222-222222222222" + rest; }

TEST(Frontier, AServerCoversWhatItExecuted) {
  Frontier frontier;
  frontier.tell(a(":7"));
  EXPECT_FALSE(frontier.covers(0, frontier.told()));
  ASSERT_TRUE(frontier.executed(0, a(":1-7")));
  EXPECT_TRUE(frontier.covers(0, frontier.told()));
  EXPECT_FALSE(frontier.covers(1, frontier.told()));
}

TEST(Frontier, ToldNeverGoesBack) {
  Frontier frontier;
  frontier.tell(a(":9"));
  frontier.tell(a(":3"));
  EXPECT_EQ(frontier.text(frontier.told()), a(":1-9"));
}

TEST(Frontier, ANewPrimarysWritesAreToldBesideTheOldOnes) {
  Frontier frontier;
  frontier.tell(a(":9"));
  frontier.tell(b(":1"));
  frontier.tell(b(":2"));
  EXPECT_EQ(frontier.text(frontier.told()), a(":1-9,") + b(":1-2"));
  ASSERT_TRUE(frontier.executed(0, a(":1-9")));
  EXPECT_FALSE(frontier.covers(0, frontier.told()));
}

TEST(Frontier, ASetOfSeveralTransactionsAsksForTheNewest) {
  Frontier frontier;
  frontier.tell(a(":5-7:9"));
  EXPECT_EQ(frontier.text(frontier.told()), a(":1-9"));
}

TEST(Frontier, WhatCannotBeComparedLeavesReadsToThePrimary) {
  Frontier frontier;
  EXPECT_FALSE(frontier.only_primary_will_do());
  frontier.tell("not a set");
  EXPECT_TRUE(frontier.only_primary_will_do());
}

TEST(Frontier, AFreshProcessMustAskWhatOthersWereTold) {
  Frontier frontier;
  EXPECT_FALSE(frontier.has_track());
  auto losses = frontier.losses();
  frontier.found_track(losses);
  EXPECT_TRUE(frontier.has_track());
}

TEST(Frontier, AnAnswerFromBeforeALossDoesNotMakeItGood) {
  Frontier frontier;
  auto losses = frontier.losses();
  frontier.lose_track();
  frontier.found_track(losses);
  EXPECT_FALSE(frontier.has_track());
}

TEST(Frontier, ARebuiltServerStartsFromNothing) {
  Frontier frontier;
  frontier.tell(a(":3"));
  ASSERT_TRUE(frontier.executed(0, a(":1-3")));
  frontier.forget(0);
  EXPECT_FALSE(frontier.covers(0, frontier.told()));
}

TEST(Frontier, WritersOnSeveralThreadsLoseNothing) {
  Frontier frontier;
  frontier.tell(a(":1"));
  std::vector<std::thread> writers;
  for (std::uint64_t start = 0; start < 4; ++start) {
    writers.emplace_back([&, start] {
      for (std::uint64_t number = start + 1; number <= 4000; number += 4) {
        auto mine = frontier.tell(a(":" + std::to_string(number)));
        ASSERT_TRUE(frontier.told().covers(mine));
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(frontier.text(frontier.told()), a(":1-4000"));
}

TEST(Frontier, ReadsWhatAServerSaysTheFastWayAsTheSlow) {
  Frontier frontier;
  // The first mention of each source is read with care, the next ones quickly.
  for (int round = 0; round < 2; ++round) {
    auto several = frontier.executed(0, a(":1-9,\n") + b(":1-3"));
    ASSERT_TRUE(several);
    EXPECT_EQ(frontier.text(*several), a(":1-9,") + b(":1-3"));
    auto holes = frontier.executed(0, a(":1-5:7-9"));
    ASSERT_TRUE(holes);
    EXPECT_EQ(frontier.text(*holes), a(":1-5"));
    EXPECT_EQ(frontier.text(*frontier.executed(0, a(":1"))), a(":1-1"));
    EXPECT_TRUE(frontier.executed(0, a(":17"))->empty());
    EXPECT_EQ(frontier.text(*frontier.executed(0, a(":tag:1-4"))), a(":tag:1-4"));
  }
}

TEST(Frontier, NobodyWaitsForWhatAFailOverLost) {
  Frontier frontier;
  frontier.tell(a(":9"));
  routing::Position mine = frontier.told();
  auto reached = frontier.executed(1, a(":1-7,") + b(":1-2"));
  ASSERT_TRUE(reached);
  EXPECT_TRUE(frontier.repair(frontier.told(), *reached));
  EXPECT_EQ(frontier.text(frontier.told()), a(":1-7"));
  frontier.lower_to_repaired(mine);
  EXPECT_EQ(frontier.text(mine), a(":1-7"));
  EXPECT_FALSE(frontier.repair(frontier.told(), *reached));
  EXPECT_EQ(frontier.repairs(), 1U);
}

}  // namespace
}  // namespace dorsal::proxy
