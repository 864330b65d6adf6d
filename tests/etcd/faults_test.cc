// The store on a real etcd whose members are killed, stopped and compacted.
#include "store_fixture.h"

namespace dorsal::coord {
namespace {

// With the patience that stores have by default.
class EtcdFaults : public EtcdTest {
 protected:
  static EtcdOptions options(const EtcdCluster& cluster, int first = 0) {
    auto made = cluster.options(kPrefix, first);
    made.least_patience = EtcdOptions().least_patience;
    return made;
  }

  void erase_surely(EtcdStore& store, const std::string& key) {
    for (;;) {
      auto there = get(store, key);
      if (there && !*there) return;
      if (!there) continue;
      (void)io::block_on(loop_, store.erase(key, (*there)->revision, hang_limit()));
    }
  }
};

io::Task<> wait_for_change(EtcdStore& store,
                           Revision seen,
                           Deadline deadline,
                           std::optional<Result<Revision>>& out) {
  out.emplace(co_await store.changed_since(seen, deadline));
}

TEST_F(EtcdFaults, AWatchSurvivesTheDeathOfItsMember) {
  EtcdCluster cluster;
  EtcdStore watcher(loop_, options(cluster, 0));
  EtcdStore writer(loop_, options(cluster, 1));
  auto seen = write_surely(writer, "key", "0");
  // The watch has begun, at the first endpoint.
  auto next = write_surely(writer, "key", "1");
  ASSERT_EQ(*changed_since(watcher, seen), next);

  cluster.kill(0, SIGKILL);
  auto missed = write_surely(writer, "key", "2");
  auto told = changed_since(watcher, next);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_GE(*told, missed);
}

TEST_F(EtcdFaults, NoChangeIsMissedWhileMembersDieOneAfterTheOther) {
  EtcdCluster cluster;
  EtcdStore watcher(loop_, with_notices(options(cluster, 0)));
  EtcdStore writer(loop_, options(cluster, 1));
  auto seen = write_surely(writer, "key", "begin");
  for (int round = 0; round < 3; ++round) {
    cluster.kill(round, SIGKILL);
    for (int i = 0; i < 5; ++i) {
      auto text = std::to_string(round) + "." + std::to_string(i);
      auto written = write_surely(writer, "key", text);
      auto told = changed_since(watcher, seen);
      ASSERT_TRUE(told) << told.error().message;
      ASSERT_GE(*told, written) << text;
      seen = *told;
    }
    cluster.start(round);
    cluster.leader();
  }
  // Each has died, so that one was the watch's.
  EXPECT_TRUE(was_noticed("watch=lost")) << ::testing::PrintToString(notices_);
}

// Counts up by compare-and-swap, as many writers of one key do; what is unknown is read.
io::Task<> count_up(EtcdStore& store, int times, io::Loop& loop, int& unknown, int& counted) {
  std::string key = "counter";
  while (counted < times) {
    auto there = co_await store.get(key, loop.after(std::chrono::seconds(60)));
    if (!there) continue;
    const int before = *there ? std::stoi((*there)->value) : 0;
    // A write of before may have taken place without an answer: this is the only writer.
    counted = std::max(counted, before);
    const auto expected = *there ? (*there)->revision : Revision();
    auto value = std::to_string(before + 1);
    auto put =
        co_await store.put(key, std::move(value), expected, loop.after(std::chrono::seconds(5)));
    if (put) {
      EXPECT_EQ(before + 1, counted + 1);
      counted = before + 1;
      continue;
    }
    // Nobody else writes: a conflict could only come from a write of ours that was sent twice, or
    // that took place after we had looked.
    if (put.error().kind == ErrorKind::Timeout) ++unknown;
    if (put.error().kind == ErrorKind::Conflict) {
      EXPECT_GT(unknown, 0) << put.error().message;
    }
  }
}

TEST_F(EtcdFaults, NoAcknowledgedWriteIsLostWhenTheLeaderIsKilled) {
  EtcdCluster cluster;
  const int leader = cluster.leader();
  EtcdStore store(loop_, with_notices(options(cluster, leader)));
  int unknown = 0;
  int counted = 0;
  io::Scope scope(loop_);
  scope.spawn(count_up(store, 400, loop_, unknown, counted));
  auto wait_for = [&](int number) {
    while (counted < number) (void)get(store, "counter");
  };
  wait_for(50);
  cluster.kill(leader, SIGKILL);
  wait_for(150);
  cluster.start(leader);
  const int second = cluster.leader();
  wait_for(200);
  cluster.pause(second);
  wait_for(300);
  cluster.go_on(second);
  io::block_on(loop_, scope.join());
  EXPECT_EQ((*get(store, "counter"))->value, std::to_string(counted));
  EXPECT_TRUE(was_noticed("left=")) << ::testing::PrintToString(notices_);
}

TEST_F(EtcdFaults, WithoutAMajorityCallsFailByTheirDeadlineAndSayWhy) {
  EtcdCluster cluster;
  EtcdStore store(loop_, options(cluster));
  auto before = write_surely(store, "key", "before");
  cluster.kill(1, SIGKILL);
  cluster.kill(2, SIGKILL);
  const auto begin = loop_.now();
  auto written = io::block_on(loop_, store.put("key", "lost", before, in(3000)));
  ASSERT_FALSE(written);
  auto read = io::block_on(loop_, store.get("key", in(3000)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::Unavailable);
  auto listed = io::block_on(loop_, store.list("", in(3000)));
  EXPECT_FALSE(listed);
  EXPECT_LT(loop_.now() - begin, std::chrono::seconds(30));
  EXPECT_TRUE(read.error().message.starts_with("etcd does not answer; last, http://127.0.0.1:"))
      << read.error().message;

  cluster.start(1);
  cluster.start(2);
  auto after = write_surely(store, "key", "after");
  EXPECT_GT(after, before);
}

// A member that knows that it has no leader refuses before it does anything, so that nothing is
// left open by such a write. On a slow machine the deadline may come between; then it is tried
// anew.
TEST_F(EtcdFaults, AMemberThatKnowsOfNoLeaderLeavesNoWriteInDoubt) {
  EtcdCluster cluster;
  EtcdStore store(loop_, options(cluster));
  auto before = write_surely(store, "key", "before");
  cluster.kill(1, SIGKILL);
  cluster.kill(2, SIGKILL);
  const Deadline limit = hang_limit();
  auto is_refused = [](const Error& error) {
    return error.message.find("no leader") != std::string::npos;
  };
  for (;;) {
    ASSERT_FALSE(limit.has_passed(loop_.now()));
    auto read = io::block_on(loop_, store.get("key", in(1000)));
    if (read || !is_refused(read.error())) continue;
    auto written = io::block_on(loop_, store.put("key", "refused", before, in(2000)));
    ASSERT_FALSE(written);
    if (!is_refused(written.error())) continue;
    EXPECT_EQ(written.error().kind, ErrorKind::Unavailable) << written.error().message;
    return;
  }
}

TEST_F(EtcdFaults, AStoppedMemberIsLeftByReadsWritesAndTheWatch) {
  EtcdCluster cluster;
  EtcdStore store(loop_, with_notices(options(cluster, 0)));
  EtcdStore writer(loop_, options(cluster, 1));
  auto seen = write_surely(writer, "key", "0");
  auto next = write_surely(writer, "key", "1");
  ASSERT_EQ(*changed_since(store, seen), next);
  cluster.pause(0);
  auto missed = write_surely(writer, "key", "2");
  auto told = changed_since(store, next);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_GE(*told, missed);
  EXPECT_EQ((*get(store, "key"))->value, "2");
  auto last = write_surely(store, "key", "3");
  auto told_last = changed_since(store, *told);
  ASSERT_TRUE(told_last);
  EXPECT_GE(*told_last, last);
  cluster.go_on(0);
}

TEST_F(EtcdFaults, ARemovalIsToldOfThoughTheMemberOfTheWatchIsStopped) {
  EtcdCluster cluster;
  EtcdStore store(loop_, options(cluster, 0));
  EtcdStore writer(loop_, options(cluster, 1));
  auto first = write_surely(writer, "a", "");
  auto second = write_surely(writer, "b", "");
  ASSERT_EQ(*changed_since(store, first), second);
  cluster.pause(0);
  // Long enough for a look before the removal, so that the next one can see a difference.
  auto quiet = io::block_on(loop_, store.changed_since(second, in(4000)));
  ASSERT_FALSE(quiet);
  erase_surely(writer, "b");
  auto told = changed_since(store, second);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_GT(*told, second);
  cluster.go_on(0);
}

TEST_F(EtcdFaults, ChangesThatWereCompactedAwayAreReportedAsAChange) {
  EtcdCluster cluster;
  EtcdStore writer(loop_, options(cluster, 0));
  auto seen = write_surely(writer, "key", "0");
  Revision newest;
  for (int i = 1; i <= 10; ++i) newest = write_surely(writer, "key", std::to_string(i));
  cluster.control({"compact", std::to_string(newest.value())});
  EtcdStore late(loop_, with_notices(options(cluster, 1)));
  auto told = changed_since(late, seen);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_GE(*told, newest);
  EXPECT_TRUE(was_noticed("watch=anew reason=\"etcd has compacted revision"))
      << ::testing::PrintToString(notices_);
  // And it goes on from there.
  auto last = write_surely(writer, "key", "last");
  EXPECT_GE(*changed_since(late, *told), last);
}

TEST_F(EtcdFaults, AWatchWhoseMemberWasAwayDuringACompactionMissesNothing) {
  EtcdCluster cluster;
  EtcdStore store(loop_, with_notices(options(cluster, 0)));
  EtcdStore writer(loop_, options(cluster, 1));
  auto seen = write_surely(writer, "key", "0");
  auto next = write_surely(writer, "key", "1");
  ASSERT_EQ(*changed_since(store, seen), next);
  cluster.kill(0, SIGKILL);
  Revision newest;
  for (int i = 2; i <= 10; ++i) newest = write_surely(writer, "key", std::to_string(i));
  cluster.control({"compact", std::to_string(newest.value())});
  auto told = changed_since(store, next);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_GE(*told, newest);
}

TEST_F(EtcdFaults, AnEtcdPutBackFromASnapshotIsNotBelieved) {
  EtcdCluster cluster;
  EtcdCluster other;
  EtcdStore store(loop_, options(cluster));
  write_surely(store, "key", "mine");
  auto mixed = options(cluster);
  mixed.address.endpoints.resize(1);
  mixed.address.endpoints.push_back(options(other).address.endpoints[0]);
  EtcdStore both(loop_, with_notices(mixed));
  EXPECT_EQ((*get(both, "key"))->value, "mine");
  for (int i = 0; i < cluster.size(); ++i) cluster.kill(i, SIGKILL);
  auto read = io::block_on(loop_, both.get("key", in(3000)));
  ASSERT_FALSE(read);
  auto written = io::block_on(loop_, both.put("new", "x", Revision(), in(3000)));
  ASSERT_FALSE(written);
  EXPECT_TRUE(was_noticed("belongs to another etcd cluster") ||
              read.error().message.find("belongs to another etcd cluster") != std::string::npos)
      << read.error().message;
  // Nothing was written into the other.
  EtcdStore clean(loop_, options(other));
  EXPECT_TRUE(io::block_on(loop_, clean.list("", hang_limit()))->empty());
}

TEST_F(EtcdFaults, EndingInTheMiddleOfEverythingLeavesNothingBehind) {
  EtcdCluster cluster;
  for (int round = 0; round < 5; ++round) {
    EtcdStore store(loop_, options(cluster, round));
    std::optional<Result<Revision>> told;
    auto seen = write_surely(store, "key", std::to_string(round));
    io::Scope scope(loop_);
    scope.spawn(wait_for_change(store, seen, Deadline::never(), told));
    (void)get(store, "key");
    if (round == 3) cluster.pause(0);
    io::block_on(loop_, scope.cancel_and_join());
    ASSERT_TRUE(told.has_value());
    EXPECT_EQ(told->error().message, "cancelled");
  }
  cluster.go_on(0);
}

}  // namespace
}  // namespace dorsal::coord
