#include "core/failover/broken_replication.h"

#include <gtest/gtest.h>

#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

class BrokenReplicationTest : public testing::Test {
 protected:
  BrokenReplicationTest() { server_.facts->following->applier_runs = true; }

  std::optional<TimePoint> after(Duration passed) {
    now_ += passed;
    return replication_.note(server_, now_);
  }

  void stops_with(std::uint32_t error) {
    server_.facts->following->applier_runs = false;
    server_.facts->following->applier_error = error;
  }

  void starts() {
    server_.facts->following->applier_runs = true;
    server_.facts->following->applier_error = 0;
  }

  void applies() {
    server_.facts->executed.unite(
        *mysql::parse_gtid_set("11111111-1111-1111-1111-111111111111:4711"));
  }

  cluster::Server server_ = replica_view().server;
  BrokenReplication replication_;
  TimePoint now_ = kNow;
};

constexpr std::uint32_t kKeyNotFound = 1032;
constexpr std::uint32_t kCannotReadBinlog = 13114;
constexpr std::uint32_t kCannotConnect = 2003;
constexpr auto kSecond = std::chrono::seconds(1);

TEST_F(BrokenReplicationTest, IsBrokenThoughItIsStartedAgainAndAgain) {
  EXPECT_FALSE(after(kSecond));
  stops_with(kKeyNotFound);
  const auto since = after(kSecond);
  ASSERT_TRUE(since);
  for (int i = 0; i < 20; ++i) {
    starts();
    EXPECT_EQ(since, after(5 * kSecond));
    stops_with(kKeyNotFound);
    EXPECT_EQ(since, after(kSecond));
  }
}

TEST_F(BrokenReplicationTest, IsWellOnceItHasAppliedSomething) {
  stops_with(kKeyNotFound);
  EXPECT_TRUE(after(kSecond));
  starts();
  applies();
  EXPECT_FALSE(after(kSecond));
  stops_with(kKeyNotFound);
  const auto since = after(kSecond);
  EXPECT_EQ(now_, since);
}

TEST_F(BrokenReplicationTest, IsWellOnceItHasRunForAWhile) {
  stops_with(kKeyNotFound);
  EXPECT_TRUE(after(kSecond));
  starts();
  EXPECT_TRUE(after(kSecond));
  EXPECT_TRUE(after(14 * kSecond));
  EXPECT_FALSE(after(kSecond));
}

TEST_F(BrokenReplicationTest, AReceiverMayStopItToo) {
  auto& following = *server_.facts->following;
  following.receiver = cluster::Receiver::Off;
  following.receiver_error = kCannotReadBinlog;
  const auto since = after(kSecond);
  ASSERT_TRUE(since);
  following.receiver = cluster::Receiver::On;
  following.receiver_error = 0;
  EXPECT_EQ(since, after(5 * kSecond));
}

TEST_F(BrokenReplicationTest, AReceiverThatCannotConnectGoesOnTrying) {
  auto& following = *server_.facts->following;
  following.receiver = cluster::Receiver::Connecting;
  following.receiver_error = kCannotConnect;
  EXPECT_FALSE(after(kSecond));
}

TEST_F(BrokenReplicationTest, WhoStoppedItWithoutAnErrorMeantIt) {
  stops_with(0);
  EXPECT_FALSE(after(kSecond));
}

TEST_F(BrokenReplicationTest, IsNoMatterOfAServerThatFollowsNobody) {
  stops_with(kKeyNotFound);
  EXPECT_TRUE(after(kSecond));
  server_.facts->following.reset();
  EXPECT_FALSE(after(kSecond));
}

}  // namespace
}  // namespace dorsal::failover
