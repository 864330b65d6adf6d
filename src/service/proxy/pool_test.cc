#include "service/proxy/pool.h"

#include <gtest/gtest.h>

#include "edge/client/fake_server.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

using client::FakeServer;

FakeServer::Options server_options() {
  FakeServer::Options options;
  options.more_capabilities = mysql::capability::kSessionTrack;
  return options;
}

// Pools of one user before a primary and a replica, with two connections each at most.
class PoolTest : public testing::Test {
 public:
  PoolTest() {
    auto topology = std::make_shared<cluster::Topology>();
    topology->nodes = {node_of(server_, "p"), node_of(other_server_, "r")};
    topology->leadership.term = cluster::Term(1);
    topology->leadership.primary = topology->nodes[0].member.name;
    topology_.store(topology);
    context_.refresh_view();
    for (const auto& server : context_.view->all) server->reachable = true;
  }

  static cluster::Node node_of(FakeServer& server, const char* name) {
    server.otherwise([](const std::string&) -> std::optional<std::string> {
      return FakeServer::ok(FakeServer::kCapabilities | mysql::capability::kSessionTrack);
    });
    cluster::Node node;
    node.member.name = cluster::NodeName(name);
    node.member.address = io::to_string(server.endpoint());
    node.state.healthy = true;
    return node;
  }

  // To the replica; proxies hold statements back already.
  void begin_switchover(std::int64_t begun_ms) {
    auto topology = std::make_shared<cluster::Topology>(*topology_.load());
    cluster::Switchover switchover;
    switchover.to = other().name;
    switchover.begun_ms = begun_ms;
    switchover.holding = true;
    topology->leadership.switchover = switchover;
    topology_.store(topology);
    context_.refresh_view();
  }

  static Options options() {
    Options options;
    options.pools.maximum = 2;
    options.pools.wait = std::chrono::milliseconds(400);
    return options;
  }

  Server& target() { return *context_.view->all.at(0); }
  Server& other() { return *context_.view->all.at(1); }

  std::shared_ptr<Pool> pool(const char* password = "secret") {
    Identity identity;
    identity.user = "app";
    identity.password = Secret(password);
    return context_.pools->of(target(), identity, pool_key(identity));
  }

  io::Task<Borrowed> take(std::uint32_t session, std::uint64_t lease = 0) {
    auto from = pool();
    PoolWish wish;
    wish.session = session;
    wish.lease = lease;
    auto taken = co_await from->take(std::move(wish), loop_.after(context_.options->pools.wait));
    if (!taken || !taken->backend) co_return Borrowed();
    taken->backend->owner = session;
    taken->backend->lease = context_.pools->next_lease();
    co_return Borrowed(from, std::move(taken->backend));
  }

  void run(io::Task<> (*steps)(PoolTest&)) { io::block_on(loop_, play(steps)); }
  io::Task<> play(io::Task<> (*steps)(PoolTest&)) {
    co_await steps(*this);
    co_await context_.stop();
  }

  std::int64_t open() { return target().connections.value(); }

  io::Loop loop_;
  Counters counters_;
  cluster::SharedTopology topology_;
  FakeServer server_{loop_, server_options()};
  FakeServer other_server_{loop_, server_options()};
  Shared shared_{options(), topology_, counters_};
  LoopContext context_{shared_, loop_};
};

TEST_F(PoolTest, AConnectionIsUsedAgain) {
  run([](PoolTest& test) -> io::Task<> {
    auto first = co_await test.take(1);
    EXPECT_TRUE(first);
    const std::uint64_t lease = first->lease;
    first.give_back();
    auto again = co_await test.take(1, lease);
    EXPECT_EQ(again->lease, lease + 1);
    EXPECT_EQ(test.open(), 1);
  });
}

TEST_F(PoolTest, ASessionGetsTheConnectionThatItHadBefore) {
  run([](PoolTest& test) -> io::Task<> {
    auto mine = co_await test.take(1);
    auto other = co_await test.take(2);
    const std::uint64_t lease = mine->lease;
    Backend* const wanted = mine.get();
    mine.give_back();
    other.give_back();  // the one used last, which somebody else would get
    auto again = co_await test.take(1, lease);
    EXPECT_EQ(again.get(), wanted);
  });
}

TEST_F(PoolTest, WhoeverFindsAllInUseWaitsForOneThatIsGivenBack) {
  run([](PoolTest& test) -> io::Task<> {
    auto first = co_await test.take(1);
    auto second = co_await test.take(2);
    bool has_got_one = false;
    io::Scope scope(test.loop_);
    auto waits = [](PoolTest& inner, bool& got) -> io::Task<> {
      auto third = co_await inner.take(3);
      got = static_cast<bool>(third);
    };
    scope.spawn(waits(test, has_got_one));
    co_await test.loop_.sleep_until(test.loop_.after(std::chrono::milliseconds(20)));
    EXPECT_FALSE(has_got_one);
    second.give_back();
    co_await scope.join();
    EXPECT_TRUE(has_got_one);
  });
}

TEST_F(PoolTest, AConnectionThatComesBackSoonSavesOpeningAnother) {
  run([](PoolTest& test) -> io::Task<> {
    auto first = co_await test.take(1);
    bool has_asked = false;
    io::Scope scope(test.loop_);
    auto waits = [](PoolTest& inner, bool& asked) -> io::Task<> {
      asked = true;
      auto second = co_await inner.take(2);
      EXPECT_TRUE(second);
      second.give_back();
    };
    scope.spawn(waits(test, has_asked));
    // Begun before the pool's own wait, and shorter: it ends first, however slow the machine is.
    co_await test.loop_.sleep_until(test.loop_.after(std::chrono::milliseconds(1)));
    while (!has_asked) co_await test.loop_.sleep_until(test.loop_.after(Duration::zero()));
    first.give_back();
    co_await scope.join();
    co_await test.loop_.sleep_until(test.loop_.after(std::chrono::milliseconds(50)));
    EXPECT_EQ(test.open(), 1);
  });
}

TEST_F(PoolTest, TheWaitEndsAfterAWhile) {
  run([](PoolTest& test) -> io::Task<> {
    auto first = co_await test.take(1);
    auto second = co_await test.take(2);
    auto third = co_await test.take(3);
    EXPECT_FALSE(third);
    second.give_back();
    auto fourth = co_await test.take(4);
    EXPECT_TRUE(fourth);
  });
}

TEST_F(PoolTest, AConnectionThatIsNotGivenBackIsClosedAndMakesRoom) {
  run([](PoolTest& test) -> io::Task<> {
    {
      auto first = co_await test.take(1);
      auto second = co_await test.take(2);
    }
    EXPECT_EQ(test.open(), 0);
    auto third = co_await test.take(3);
    EXPECT_TRUE(third);
  });
}

TEST_F(PoolTest, WhatAPrimaryHasIsOpenedAtItsSuccessorBeforehand) {
  run([](PoolTest& test) -> io::Task<> {
    auto first = co_await test.take(1);
    auto second = co_await test.take(2);
    first.give_back();
    test.begin_switchover(1);
    const Deadline end = test.loop_.after(std::chrono::seconds(60));
    while (test.other().connections.value() < 2 && !end.has_passed(test.loop_.now())) {
      const Deadline soon = test.loop_.after(std::chrono::milliseconds(5));
      (void)co_await test.loop_.sleep_until(soon);
    }
    EXPECT_EQ(test.other().connections.value(), 2);
    EXPECT_EQ(test.open(), 2) << "and none is closed";
  });
}

TEST_F(PoolTest, ASpoiltConnectionIsNotGivenToOthers) {
  run([](PoolTest& test) -> io::Task<> {
    auto first = co_await test.take(1);
    first->is_spoilt = true;
    first.give_back();
    EXPECT_EQ(test.open(), 0);
  });
}

TEST_F(PoolTest, OneFromBeforeAChangeOfGlobalVariablesIsForItsOwnSessionAlone) {
  run([](PoolTest& test) -> io::Task<> {
    auto first = co_await test.take(1);
    Backend* const before = first.get();
    const std::uint64_t lease = first->lease;
    first.give_back();
    test.target().global_changes.fetch_add(1);
    auto second = co_await test.take(2);
    EXPECT_TRUE(second);
    EXPECT_NE(second.get(), before);
    auto again = co_await test.take(1, lease);
    EXPECT_EQ(again.get(), before);
  });
}

TEST_F(PoolTest, OneWithASchemaIsNotGivenToASessionWithoutOne) {
  run([](PoolTest& test) -> io::Task<> {
    auto first = co_await test.take(1);
    first->schema = "shop";
    Backend* const with_schema = first.get();
    first.give_back();
    auto second = co_await test.take(2);
    EXPECT_NE(second.get(), with_schema);
    auto third = co_await test.take(3);  // room is made for it
    EXPECT_TRUE(third);
    EXPECT_EQ(test.open(), 2);
  });
}

TEST_F(PoolTest, NorIsItTakenAgainByASessionThatHasLostItsSchema) {
  run([](PoolTest& test) -> io::Task<> {
    auto mine = co_await test.take(1);
    const std::uint64_t lease = mine->lease;
    mine->schema = "dropped";
    mine.give_back();
    auto from = test.pool();
    EXPECT_EQ(from->take_again(lease, false), nullptr);
    EXPECT_NE(from->take_again(lease, true), nullptr);
  });
}

// A server makes the types of parameters out of the executions that it has seen.
TEST_F(PoolTest, AStatementServesOthersOnlyIfItsTypesNeverChanged) {
  run([](PoolTest& test) -> io::Task<> {
    auto backend = co_await test.take(1);
    auto text = std::make_shared<const PreparedText>();
    const StatementUse of_one = {1, "int", true};
    const StatementUse of_two = {2, "int", true};
    const StatementUse of_two_with_text = {2, "text", true};
    const StatementUse of_two_with_both = {2, "text", false};
    backend->keep_statement(text, 7);
    EXPECT_EQ(backend->find_statement(*text, of_one), 7U);
    EXPECT_EQ(backend->find_statement(*text, of_two), 7U);
    EXPECT_EQ(backend->find_statement(*text, of_two_with_both), 7U);  // its own
    EXPECT_EQ(backend->find_statement(*text, of_one), std::nullopt);
    EXPECT_NE(backend->take_closes(), "");
    backend->keep_statement(text, 8);
    EXPECT_EQ(backend->find_statement(*text, of_one), 8U);
    EXPECT_EQ(backend->find_statement(*text, of_two_with_text), std::nullopt);
  });
}

TEST_F(PoolTest, ARefusalIsPassedOn) {
  run([](PoolTest& test) -> io::Task<> {
    auto from = test.pool("wrong");
    auto taken = co_await from->take(PoolWish(), test.loop_.after(std::chrono::seconds(20)));
    EXPECT_EQ(taken && taken->refused ? taken->refused->code : 0, 1045);
  });
}

// The account that the book has for the user.
void let_in(AccountBook& book, const char* rights, TimePoint asked) {
  admission::Account account;
  account.user = "app";
  account.host = admission::HostPattern("%");
  account.rights = rights;
  const std::vector<admission::Account> all = {account};
  book.put({std::make_shared<const admission::Accounts>(all, false), rights, asked}, book.newest());
}

TEST_F(PoolTest, APoolIsOutdatedOnceTheUsersAccountsHaveChanged) {
  Identity identity;
  identity.user = "app";
  let_in(shared_.accounts, "few", loop_.now());
  identity.account_version = shared_.accounts.newest()->accounts->connection_version("app");
  auto pool = context_.pools->of(target(), identity, pool_key(identity));
  EXPECT_FALSE(pool->is_outdated());
  let_in(shared_.accounts, "more", loop_.now());
  EXPECT_TRUE(pool->is_outdated());
}

TEST(PoolLimit, AChangeCountsForWhatIsOpenedNext) {
  PoolLimit limit(1, 0);
  EXPECT_TRUE(limit.take(false));
  EXPECT_FALSE(limit.take(false));
  limit.change(2, 0);
  EXPECT_TRUE(limit.take(false));
  limit.change(1, 0);
  limit.release();
  EXPECT_FALSE(limit.take(false));
  limit.release();
  EXPECT_TRUE(limit.take(false));
}

TEST(PoolLimits, UsersWhoHaveGoneLeaveNothing) {
  PoolLimits limits(1, 0);
  Counters counters;
  const Server server(0, cluster::NodeName("p"), io::Endpoint("127.0.0.1", 1), counters);
  const auto kept = limits.of(server, "stays");
  EXPECT_TRUE(kept->take(false));
  for (int i = 0; i < 10'000; ++i) limits.of(server, "user" + std::to_string(i));
  EXPECT_LT(limits.size(), 100u);
  EXPECT_EQ(limits.of(server, "stays"), kept);
  EXPECT_FALSE(limits.of(server, "stays")->take(false));
}

TEST(PoolLimit, TheReserveIsForTheUrgent) {
  PoolLimit limit(1, 1);
  EXPECT_TRUE(limit.take(false));
  EXPECT_FALSE(limit.take(false));
  EXPECT_TRUE(limit.take(true));
  EXPECT_FALSE(limit.take(true));
  limit.release();
  EXPECT_TRUE(limit.take(true));
}

TEST(PoolKey, TellsUsersAndPasswordsApartAndHidesThem) {
  Identity one;
  one.user = "app";
  one.password = Secret("hunter2");
  Identity other = one;
  EXPECT_EQ(pool_key(one), pool_key(other));
  other.password = Secret("hunter3");
  EXPECT_NE(pool_key(one), pool_key(other));
  EXPECT_EQ(pool_key(one).find("hunter2"), std::string::npos);
  other = one;
  other.client_capabilities = mysql::capability::kFoundRows;
  EXPECT_NE(pool_key(one), pool_key(other));
  other = one;
  other.account_version = "another";
  EXPECT_NE(pool_key(one), pool_key(other));
}

}  // namespace
}  // namespace dorsal::proxy
