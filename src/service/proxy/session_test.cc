// Sessions over real sockets, between a client of ours and servers that misbehave to order.
#include "service/proxy/session.h"

#include <gtest/gtest.h>

#include "core/mysql/row.h"
#include "edge/client/connection.h"
#include "edge/client/fake_server.h"
#include "edge/io/listener.h"
#include "service/proxy/probe.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

using client::FakeServer;

constexpr const char* kUuid = "11111111-1111-1111-1111-111111111111";
constexpr std::uint32_t kServerCapabilities =
    FakeServer::kCapabilities | mysql::capability::kSessionTrack;

std::string ok() { return FakeServer::ok(kServerCapabilities); }
std::string rows(std::string value) { return FakeServer::one_column(kServerCapabilities, {value}); }

std::string ok_with_gtid(int number) {
  mysql::OkPacket packet;
  packet.status = mysql::status::kAutocommit | mysql::status::kSessionStateChanged;
  packet.trackers.gtids = std::string(kUuid) + ":" + std::to_string(number);
  return FakeServer::packets({mysql::encode_ok(packet, kServerCapabilities)});
}

std::string one_row(const std::vector<std::optional<std::string>>& fields) {
  std::vector<std::string> payloads = {std::string(1, static_cast<char>(fields.size()))};
  payloads.resize(fields.size() + 1, mysql::encode(mysql::Column()));
  payloads.push_back(mysql::encode_text_row(fields));
  payloads.push_back(mysql::encode_ok(mysql::OkPacket(), kServerCapabilities, true));
  return FakeServer::packets(payloads);
}

bool begins(const std::string& text, std::string_view with) { return text.rfind(with, 0) == 0; }

FakeServer::Options server_options() {
  FakeServer::Options options;
  options.more_capabilities = mysql::capability::kSessionTrack;
  return options;
}

Options proxy_options() {
  Options options;
  options.monitor_user = "monitor";
  options.monitor_password = Secret("secret");
  return options;
}

cluster::Node node(const char* name, const FakeServer& server, cluster::Role role) {
  cluster::Node made;
  made.member.name = cluster::NodeName(name);
  made.member.address = io::to_string(server.endpoint());
  made.state.role = role;
  made.state.healthy = true;
  return made;
}

// A primary, a replica, and one client of the splitting port.
class SessionTest : public testing::Test {
 public:
  SessionTest() {
    primary_.otherwise([](const std::string& sql) -> std::optional<std::string> {
      if (begins(sql, "SELECT @@GLOBAL.gtid_executed")) return rows(std::string(kUuid) + ":1-5");
      if (begins(sql, "SELECT")) return rows("from the primary");
      if (begins(sql, "INSERT")) return ok_with_gtid(6);
      return ok();
    });
    replica_.otherwise([this](const std::string& sql) -> std::optional<std::string> {
      if (begins(sql, "SELECT WAIT_FOR")) return rows(replica_is_late_ ? "1" : "0");
      if (begins(sql, "SELECT")) return rows("from the replica");
      return ok();
    });
    auto topology = std::make_shared<cluster::Topology>();
    topology->nodes = {node("p", primary_, cluster::Role::Primary),
                       node("r", replica_, cluster::Role::Replica)};
    topology->leadership.term = cluster::Term(1);
    topology->leadership.primary = cluster::NodeName("p");
    topology_.store(topology);
    context_.refresh_view();
    for (Server* server : context_.view->all) {
      server->reachable = true;
      find_nobody_else_at(*server);
    }
    let_in("app");
  }

  // As if the server's monitor had looked for other proxies, for as long as a test may take.
  void find_nobody_else_at(Server& server) {
    using Others = routing::OtherProxies;
    const TimePoint end = loop_.now() + std::chrono::minutes(1);
    for (auto at = loop_.now() - Others::kQuiet; at < end; at += Others::kFresh) {
      server.other_proxies.saw_none(at);
    }
  }

  // An account of that user, for clients from anywhere.
  void let_in(const char* user) {
    admission::Account account;
    account.user = user;
    account.host = admission::HostPattern("%");
    const std::vector<admission::Account> all = {account};
    auto accounts = std::make_shared<const admission::Accounts>(all, false);
    shared_.accounts.put({std::move(accounts), "as made by the test", loop_.now()}, nullptr);
  }

  io::Task<> accept_one() {
    auto accepted = co_await listener_.accept(Deadline::never());
    Session session(context_, *std::move(accepted), port_);
    co_await session.run();
  }

  // The first field of the reply, the error's text, or "OK".
  io::Task<std::string> ask(std::string sql) {
    auto reply = co_await client_->query(std::move(sql), loop_.after(std::chrono::seconds(20)));
    if (!reply) co_return "lost: " + reply.error().message;
    if (reply->err) co_return mysql::to_string(*reply->err);
    const auto& result = reply->results.at(0);
    co_return result.rows.empty() ? "OK" : result.rows[0].at(0).value_or("NULL");
  }

  io::Task<> connect() {
    client::ConnectOptions options;
    options.endpoint = listener_.local_endpoint();
    options.login.user = "app";
    options.login.password = Secret("secret");
    options.login.tls = mysql::ClientLoginOptions::Tls::Off;
    auto connected = co_await client::Connection::connect(loop_,
                                                          std::move(options),
                                                          loop_.after(std::chrono::seconds(20)));
    EXPECT_TRUE(connected) << (connected ? "" : connected.error().message);
    if (connected) client_ = *std::move(connected);
  }

  // Runs a test's steps as a client that has logged in.
  void run(io::Task<> (*steps)(SessionTest&)) {
    scope_.spawn(accept_one());
    io::block_on(loop_, play(steps));
  }
  io::Task<> play(io::Task<> (*steps)(SessionTest&)) {
    co_await connect();
    if (client_) co_await steps(*this);
    if (client_) client_->close();
    co_await scope_.join();
    co_await context_.stop();
  }

  io::Task<> go_back_to(std::shared_ptr<const cluster::Topology> topology, Duration after) {
    (void)co_await loop_.sleep_until(loop_.after(after));
    topology_.store(std::move(topology));
  }

  // The replica is the primary from now on.
  void hand_over_to_replica() {
    auto topology = std::make_shared<cluster::Topology>();
    topology->nodes = {node("p", primary_, cluster::Role::Replica),
                       node("r", replica_, cluster::Role::Primary)};
    topology->leadership.term = cluster::Term(2);
    topology->leadership.primary = cluster::NodeName("r");
    topology_.store(topology);
  }

  int asked(const FakeServer& server, std::string_view prefix) const {
    int count = 0;
    for (const auto& sql : server.asked()) count += begins(sql, prefix) ? 1 : 0;
    return count;
  }

  io::Loop loop_;
  Counters counters_;
  cluster::SharedTopology topology_;
  FakeServer primary_{loop_, server_options()};
  FakeServer replica_{loop_, server_options()};
  io::Listener listener_ = *io::Listener::open(loop_, io::Endpoint("127.0.0.1", 0));
  Shared shared_{proxy_options(), topology_, counters_};
  LoopContext context_{shared_, loop_};
  std::unique_ptr<client::Connection> client_;
  io::Scope scope_{loop_};
  bool replica_is_late_ = false;
  routing::Listener port_ = routing::Listener::Split;
};

TEST_F(SessionTest, ReadsRunOnAReplicaAndWritesOnThePrimary) {
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the replica");
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), "OK");
    EXPECT_EQ(co_await test.ask("SELECT v FROM t FOR\nUPDATE"), "from the primary");
  });
  EXPECT_EQ(asked(primary_, "INSERT"), 1);
  EXPECT_EQ(asked(replica_, "INSERT"), 0);
}

TEST_F(SessionTest, ALateReplicaIsNotReadFrom) {
  replica_is_late_ = true;
  run([](SessionTest& test) -> io::Task<> {
    co_await test.ask("INSERT INTO t VALUES (1)");
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the primary");
    // The late reply of the read before is dropped, not taken for this one's.
    test.replica_is_late_ = false;
    EXPECT_EQ(co_await test.ask("SELECT w FROM t"), "from the replica");
  });
  EXPECT_EQ(shared_.numbers.reads(ReadPath::PrimaryAfterWait).value(), 1);
}

TEST_F(SessionTest, AWriteThatAReplicaRefusesRunsOnThePrimary) {
  replica_.answer("SELECT v FROM view_that_writes",
                  FakeServer::err(1290, "HY000", "running with --super-read-only"));
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SELECT v FROM view_that_writes"), "from the primary");
  });
}

TEST_F(SessionTest, AReadWhoseReplicaDiesIsRepeatedElsewhere) {
  replica_.otherwise([](const std::string& sql) -> std::optional<std::string> {
    if (begins(sql, "SET")) return ok();
    if (begins(sql, "SELECT WAIT_FOR")) return rows("0");
    return std::nullopt;
  });
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the primary");
  });
}

TEST_F(SessionTest, AWriteIsNeverSentTwice) {
  primary_.otherwise([](const std::string& sql) -> std::optional<std::string> {
    if (begins(sql, "INSERT")) return std::nullopt;  // took it, and is gone
    return begins(sql, "SELECT") ? rows("from the primary") : ok();
  });
  run([](SessionTest& test) -> io::Task<> {
    auto told = co_await test.ask("INSERT INTO t VALUES (1)");
    EXPECT_NE(told.find("unknown whether it took effect"), std::string::npos) << told;
    // The session lives on, since it had nothing to lose.
    EXPECT_EQ(co_await test.ask("SELECT v FROM t FOR UPDATE"), "from the primary");
  });
  EXPECT_EQ(asked(primary_, "INSERT"), 1);
}

// A host from which nothing is heard any more answers no question either.
TEST_F(SessionTest, WhatBecameOfAWriteIsAskedOfNobodyLongerThanHeLeads) {
  auto topology = std::make_shared<cluster::Topology>(*topology_.load());
  topology->nodes[0].state.server_uuid = kUuid;
  topology->leadership.unprotected = true;
  topology_.store(topology);
  context_.refresh_view();
  auto next = std::make_shared<cluster::Topology>(*topology);
  next->leadership.term = cluster::Term(2);
  next->leadership.primary = cluster::NodeName("r");
  next->nodes[0].state.role = cluster::Role::Replica;
  next->nodes[1].state.role = cluster::Role::Primary;
  primary_.otherwise([this, next](const std::string& sql) -> std::optional<std::string> {
    if (begins(sql, "INSERT")) return std::nullopt;  // took it, and is gone
    if (!begins(sql, "SELECT @@server_uuid")) return ok();
    topology_.store(next);
    return "";  // it says nothing any more
  });
  const std::string other = "22222222-2222-2222-2222-222222222222";
  replica_.otherwise([other](const std::string& sql) -> std::optional<std::string> {
    const std::string executed = other + ":1";
    if (begins(sql, "SELECT @@server_uuid")) return one_row({other, "0", executed, "", "1"});
    if (begins(sql, "SELECT @@GLOBAL.gtid_executed")) return rows(executed);
    const bool is_list = begins(sql, "SELECT PROCESSLIST_ID") || begins(sql, "SELECT number");
    return is_list ? FakeServer::one_column(kServerCapabilities, {}) : ok();
  });
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), "OK");
  });
  EXPECT_EQ(asked(primary_, "SELECT @@server_uuid"), 1);
  EXPECT_EQ(asked(replica_, "INSERT"), 1) << "it had not happened";
}

constexpr const char* kIsReadOnly =
    "ERROR 1290 (HY000): The MySQL server is running with the --read-only option";

class PrimaryThatSomebodyClosed : public SessionTest {
 public:
  PrimaryThatSomebodyClosed() {
    primary_.otherwise([this](const std::string& sql) -> std::optional<std::string> {
      if (begins(sql, "INSERT") && is_closed_) {
        return FakeServer::err(1290,
                               "HY000",
                               "The MySQL server is running with the --read-only option");
      }
      if (begins(sql, "LOCK")) return ok();
      return begins(sql, "SELECT") ? rows("from the primary") : ok();
    });
  }

  // Once the client is in: it takes no longer to see that nobody takes the primary's place.
  void be_impatient() {
    Options options = proxy_options();
    options.primary_limit = std::chrono::milliseconds(100);
    shared_.options.store(std::make_shared<const Options>(std::move(options)));
    context_.refresh_options();
  }

  bool is_closed_ = true;
};

TEST_F(PrimaryThatSomebodyClosed, SaysSoItself) {
  run([](SessionTest& test) -> io::Task<> {
    auto& own = static_cast<PrimaryThatSomebodyClosed&>(test);
    own.be_impatient();
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), kIsReadOnly);
    EXPECT_EQ(co_await test.ask("SELECT v FROM t FOR UPDATE"), "from the primary");
    const TimePoint before = test.loop_.now();
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), kIsReadOnly);
    EXPECT_LT(test.loop_.now() - before, std::chrono::milliseconds(100)) << "it is known by now";
    own.is_closed_ = false;
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), "OK");
    own.is_closed_ = true;
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), kIsReadOnly);
  });
}

TEST_F(PrimaryThatSomebodyClosed, KeepsTheSessionsThatAreTiedToIt) {
  run([](SessionTest& test) -> io::Task<> {
    static_cast<PrimaryThatSomebodyClosed&>(test).be_impatient();
    EXPECT_EQ(co_await test.ask("LOCK TABLES t WRITE"), "OK");
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), kIsReadOnly);
    EXPECT_EQ(co_await test.ask("SELECT v FROM t FOR UPDATE"), "from the primary");
  });
}

TEST_F(PrimaryThatSomebodyClosed, LosesThemAsSoonAsAnotherTakesItsPlace) {
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("LOCK TABLES t WRITE"), "OK");
    test.hand_over_to_replica();
    const auto told = co_await test.ask("INSERT INTO t VALUES (1)");
    EXPECT_NE(told.find("what this session held there"), std::string::npos) << told;
  });
}

TEST_F(SessionTest, AnErrorOfTheProxysOwnIsWhatDiagnosticsTellOf) {
  primary_.otherwise([](const std::string& sql) -> std::optional<std::string> {
    if (begins(sql, "INSERT")) return std::nullopt;  // took it, and is gone
    return begins(sql, "SELECT") ? rows("from the primary") : ok();
  });
  run([](SessionTest& test) -> io::Task<> {
    co_await test.ask("INSERT INTO t VALUES (1)");
    EXPECT_EQ(co_await test.ask("SHOW WARNINGS"), "Error");
    EXPECT_EQ(co_await test.ask("GET DIAGNOSTICS CONDITION 1 @e = MYSQL_ERRNO"), "OK");
    EXPECT_EQ(co_await test.ask("GET DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE"), "OK");
    co_await test.ask("SELECT @e, @s FOR UPDATE");
  });
  EXPECT_EQ(asked(primary_, "SET @`e`=CAST(1053 AS UNSIGNED)"), 1);
  EXPECT_EQ(asked(primary_, "GET"), 0);
}

TEST_F(SessionTest, WhatADeposedPrimaryKnowsOfTheLastStatementIsAskedThere) {
  primary_.answer("SELECT v FROM t FOR UPDATE", FakeServer::err(1146, "42S02", "no such table"));
  primary_.answer("SHOW WARNINGS", rows("as the first one knows it"));
  run([](SessionTest& test) -> io::Task<> {
    co_await test.ask("SELECT v FROM t FOR UPDATE");
    test.hand_over_to_replica();
    EXPECT_EQ(co_await test.ask("SHOW WARNINGS"), "as the first one knows it");
  });
  EXPECT_EQ(asked(replica_, "SHOW WARNINGS"), 0);
}

TEST_F(SessionTest, AnErrorIsStillKnownWhenItsConnectionIsGone) {
  primary_.answer("SELECT v FROM t FOR UPDATE", FakeServer::err(1146, "42S02", "no such table"));
  primary_.otherwise([](const std::string& sql) -> std::optional<std::string> {
    if (sql == "SHOW WARNINGS") return std::nullopt;
    return begins(sql, "SELECT") ? rows("from the primary") : ok();
  });
  run([](SessionTest& test) -> io::Task<> {
    co_await test.ask("SELECT v FROM t FOR UPDATE");
    test.hand_over_to_replica();
    EXPECT_EQ(co_await test.ask("SHOW WARNINGS"), "Error");
  });
}

std::string ok_with_variable(const char* name, const char* value) {
  mysql::OkPacket packet;
  packet.status = mysql::status::kAutocommit | mysql::status::kSessionStateChanged;
  packet.trackers.variables = {{name, value}};
  packet.trackers.state_changed = true;
  return FakeServer::packets({mysql::encode_ok(packet, kServerCapabilities)});
}

constexpr const char* kTracking = "SET SESSION session_track_gtids = OWN_GTID";
constexpr const char* kTrackers = "SELECT @@SESSION.session_track_gtids";

TEST_F(SessionTest, ATrackerThatHiddenCodeSwitchesOffIsSwitchedOnAgain) {
  primary_.answer("CALL p()", ok_with_variable("session_track_gtids", "OFF"));
  run([](SessionTest& test) -> io::Task<> {
    const int before = test.asked(test.primary_, kTracking);
    EXPECT_EQ(co_await test.ask("CALL p()"), "OK");
    co_await test.ask("INSERT INTO t VALUES (1)");
    EXPECT_EQ(test.asked(test.primary_, kTracking), before + 1);
  });
  EXPECT_EQ(asked(primary_, kTrackers), 0) << "it is known already";
  EXPECT_EQ(asked(primary_, "SELECT @@GLOBAL.gtid_executed"), 1) << "its own GTID may be missing";
}

TEST_F(SessionTest, AListOfVariablesThatHiddenCodeHasEmptiedIsSetAgain) {
  primary_.answer("CALL p()", ok_with_variable("autocommit", "ON"));
  primary_.otherwise([](const std::string& sql) -> std::optional<std::string> {
    if (begins(sql, kTrackers)) {
      return one_row({"OWN_GTID", "1", "1", "CHARACTERISTICS", "autocommit"});
    }
    return begins(sql, "SELECT") ? rows("from the primary") : ok();
  });
  run([](SessionTest& test) -> io::Task<> {
    const int before = test.asked(test.primary_, kTracking);
    EXPECT_EQ(co_await test.ask("CALL p()"), "OK");
    co_await test.ask("INSERT INTO t VALUES (1)");
    EXPECT_EQ(test.asked(test.primary_, kTracking), before + 1);
    // Nobody knows what else was set, so it stays where that holds.
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the primary");
  });
}

TEST_F(SessionTest, FoundRowsAreThoseOfTheLastReadThatHasNotFailed) {
  replica_.answer("SELECT SQL_CALC_FOUND_ROWS v FROM t LIMIT 1", rows("from the replica"));
  replica_.answer("SELECT LAST_INSERT_ID(), FOUND_ROWS() LIMIT 1", one_row({"0", "42"}));
  primary_.answer("SELECT v FROM missing FOR UPDATE", FakeServer::err(1146, "42S02", "no table"));
  run([](SessionTest& test) -> io::Task<> {
    co_await test.ask("SELECT SQL_CALC_FOUND_ROWS v FROM t LIMIT 1");
    co_await test.ask("SELECT v FROM missing FOR UPDATE");
    EXPECT_EQ(co_await test.ask("SELECT FOUND_ROWS()"), "42");
  });
}

TEST_F(SessionTest, EveryLevelButEventualWaitsForWhatWasWritten) {
  replica_is_late_ = true;
  run([](SessionTest& test) -> io::Task<> {
    co_await test.ask("INSERT INTO t VALUES (1)");
    EXPECT_EQ(co_await test.ask("SELECT /* dorsal: consistency=session */ v"), "from the primary");
    EXPECT_EQ(co_await test.ask("SELECT /* dorsal: consistency=strong */ v"), "from the primary");
    EXPECT_EQ(co_await test.ask("SELECT /* dorsal: consistency=eventual */ v"), "from the replica");
  });
}

TEST_F(SessionTest, TheReplicasPortWaitsForWhatWasWritten) {
  port_ = routing::Listener::Replicas;
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the replica");
    // What it has come to is known now.
    EXPECT_EQ(co_await test.ask("SELECT w FROM t"), "from the replica");
  });
  EXPECT_EQ(asked(replica_, "SELECT WAIT_FOR"), 1);
  EXPECT_EQ(asked(primary_, "SELECT v"), 0);
  EXPECT_EQ(shared_.numbers.on_primary.value(), 0);
}

TEST_F(SessionTest, OnTheReplicasPortTheReadsOfATransactionAreFreshNotItsBegin) {
  port_ = routing::Listener::Replicas;
  mysql::OkPacket begun;
  begun.status = mysql::status::kAutocommit | mysql::status::kInTransaction;
  replica_.answer("BEGIN", FakeServer::packets({mysql::encode_ok(begun, kServerCapabilities)}));
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("BEGIN"), "OK");
    EXPECT_EQ(test.asked(test.replica_, "SELECT WAIT_FOR"), 0);
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the replica");
  });
  EXPECT_EQ(asked(replica_, "SELECT WAIT_FOR"), 1);
}

TEST_F(SessionTest, AutocommitFollowsTheSessionToAnotherServer) {
  port_ = routing::Listener::Replicas;
  mysql::OkPacket off;
  off.status = mysql::status::kSessionStateChanged;
  off.trackers.variables = {{"autocommit", "OFF"}};
  replica_.answer("SET autocommit = 0",
                  FakeServer::packets({mysql::encode_ok(off, kServerCapabilities)}));
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SET autocommit = 0"), "OK");
    auto topology = std::make_shared<cluster::Topology>(*test.topology_.load());
    topology->nodes[1].state.role = cluster::Role::Joining;
    test.topology_.store(topology);
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the primary");
  });
  EXPECT_EQ(asked(primary_, "SET autocommit='OFF'"), 1);
}

TEST_F(SessionTest, TheReplicasPortGivesAnErrorRatherThanAStaleRead) {
  port_ = routing::Listener::Replicas;
  replica_is_late_ = true;
  run([](SessionTest& test) -> io::Task<> {
    auto told = co_await test.ask("SELECT v FROM t");
    EXPECT_TRUE(begins(told, "ERROR 1053")) << told;
    EXPECT_NE(told.find("caught up"), std::string::npos) << told;
    EXPECT_EQ(co_await test.ask("SELECT /* dorsal: consistency=eventual */ v"), "from the replica");
    test.replica_is_late_ = false;
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the replica");
  });
  EXPECT_EQ(asked(replica_, "SELECT v FROM t"), 1);
  EXPECT_EQ(shared_.numbers.reads(ReadPath::Refused).value(), 1);
}

TEST_F(SessionTest, AReplicasPortSessionLeavesAReplicaThatIsNoneAnyMore) {
  port_ = routing::Listener::Replicas;
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the replica");
    auto topology = std::make_shared<cluster::Topology>(*test.topology_.load());
    topology->nodes[1].state.role = cluster::Role::Joining;
    test.topology_.store(topology);
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the primary");
  });
}

TEST_F(SessionTest, WithAHigherTermStatementsGoToItsPrimaryAndNeverBack) {
  replica_.answer("INSERT INTO t VALUES (2)", ok_with_gtid(7));
  replica_.answer("INSERT INTO t VALUES (3)", ok_with_gtid(8));
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), "OK");
    const auto before = test.topology_.load();
    auto topology = std::make_shared<cluster::Topology>(*before);
    topology->leadership.term = cluster::Term(2);
    topology->leadership.primary = cluster::NodeName("r");
    topology->nodes[0].state.role = cluster::Role::Replica;
    topology->nodes[1].state.role = cluster::Role::Primary;
    test.topology_.store(topology);
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (2)"), "OK");
    test.topology_.store(before);
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (3)"), "OK");
  });
  EXPECT_EQ(asked(primary_, "INSERT INTO t VALUES (1)"), 1);
  EXPECT_EQ(asked(replica_, "INSERT INTO t VALUES (2)"), 1);
  EXPECT_EQ(asked(replica_, "INSERT INTO t VALUES (3)"), 1);
}

TEST_F(SessionTest, APrimaryThatIsNotOpenIsWaitedFor) {
  run([](SessionTest& test) -> io::Task<> {
    const auto open = test.topology_.load();
    auto topology = std::make_shared<cluster::Topology>(*open);
    topology->nodes[0].state.role = cluster::Role::Joining;
    test.topology_.store(topology);
    test.loop_.post([&] { test.topology_.store(open); });
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), "OK");
  });
  EXPECT_EQ(asked(primary_, "INSERT INTO t VALUES (1)"), 1);
}

TEST_F(PrimaryThatSomebodyClosed, IsWaitedForAsLongAsItsSwitchoverMayTake) {
  is_closed_ = false;
  run([](SessionTest& test) -> io::Task<> {
    static_cast<PrimaryThatSomebodyClosed&>(test).be_impatient();
    const auto open = test.topology_.load();
    auto held = std::make_shared<cluster::Topology>(*open);
    held->leadership.switchover = cluster::Switchover();
    held->leadership.switchover->holding = true;
    held->leadership.switchover->drain_ms = 20'000;
    test.topology_.store(held);
    const TimePoint before = test.loop_.now();
    test.scope_.spawn(test.go_back_to(open, 5 * test.context_.options->primary_limit));
    EXPECT_EQ(co_await test.ask("INSERT INTO t VALUES (1)"), "OK");
    EXPECT_GE(test.loop_.now() - before, 5 * test.context_.options->primary_limit);
    // One that never ends ends their patience.
    auto endless = std::make_shared<cluster::Topology>(*held);
    endless->leadership.switchover->drain_ms = 100;
    test.topology_.store(endless);
    const auto told = co_await test.ask("INSERT INTO t VALUES (2)");
    EXPECT_TRUE(begins(told, "ERROR 1053")) << told;
  });
}

TEST_F(SessionTest, TheProxyAnswersForItsOwnVariable) {
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SELECT @@dorsal_consistency"), "global");
    EXPECT_EQ(co_await test.ask("SET @@dorsal_consistency = 'eventual'"), "OK");
    EXPECT_EQ(co_await test.ask("SELECT @@dorsal_consistency"), "eventual");
    EXPECT_EQ(co_await test.ask("SELECT @@session_track_gtids"), "OFF");
    EXPECT_EQ(co_await test.ask("SET session_track_gtids = OWN_GTID"), "OK");
    EXPECT_EQ(co_await test.ask("SELECT @@session_track_gtids"), "OWN_GTID");
    const std::string first = std::to_string(SessionRegistry::kFirst);
    EXPECT_EQ(co_await test.ask("SELECT CONNECTION_ID()"), first);
    auto refused = co_await test.ask("SET dorsal_consistency = 'sometimes'");
    EXPECT_TRUE(begins(refused, "ERROR 1231")) << refused;
  });
}

TEST_F(SessionTest, ATrackerTakesWhatAServerWouldTakeAndNothingElse) {
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SET session_track_schema = off"), "OK");
    EXPECT_EQ(co_await test.ask("SELECT @@session_track_schema"), "OFF");
    EXPECT_EQ(co_await test.ask("SET session_track_schema = DEFAULT"), "OK");
    EXPECT_EQ(co_await test.ask("SELECT @@session_track_schema"), "ON");
    EXPECT_EQ(co_await test.ask("SET session_track_transaction_info = 2"), "OK");
    EXPECT_EQ(co_await test.ask("SELECT @@session_track_transaction_info"), "CHARACTERISTICS");
    EXPECT_EQ(co_await test.ask("SET session_track_system_variables = 'sql_mode'"), "OK");
    EXPECT_EQ(co_await test.ask("SET session_track_system_variables = NULL"), "OK");
    EXPECT_EQ(co_await test.ask("SELECT @@session_track_system_variables"), "sql_mode");
    auto refused = co_await test.ask("SET session_track_schema = 2");
    EXPECT_TRUE(begins(refused, "ERROR 1231")) << refused;
    refused = co_await test.ask("SET session_track_gtids = 'sometimes'");
    EXPECT_TRUE(begins(refused, "ERROR 1231")) << refused;
  });
}

TEST_F(SessionTest, AnErrorOfTheProxysOwnIsWhatWarningsTellOf) {
  run([](SessionTest& test) -> io::Task<> {
    const std::string kill = "KILL QUERY " + std::to_string(SessionRegistry::kFirst);
    auto refused = co_await test.ask(kill);
    EXPECT_TRUE(begins(refused, "ERROR 1317")) << refused;
    EXPECT_EQ(co_await test.ask("SHOW COUNT(*) ERRORS"), "1");
    EXPECT_EQ(co_await test.ask("SELECT @@error_count"), "1");
    EXPECT_EQ(co_await test.ask("SHOW WARNINGS"), "OK");
  });
}

TEST_F(SessionTest, VariablesFollowTheSessionToItsReplica) {
  mysql::OkPacket changed;
  changed.status = mysql::status::kAutocommit | mysql::status::kSessionStateChanged;
  changed.trackers.variables = {{"time_zone", "+02:00"}};
  primary_.answer("SET time_zone = '+02:00'",
                  FakeServer::packets({mysql::encode_ok(changed, kServerCapabilities)}));
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SET time_zone = '+02:00'"), "OK");
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the replica");
  });
  bool was_set = false;
  for (const auto& sql : replica_.asked()) was_set |= sql.find("+02:00") != std::string::npos;
  EXPECT_TRUE(was_set);
}

// The primary commits only when a replica has the write, and the replica may show it before.
TEST_F(SessionTest, WhatAReplicaShowedIsWaitedForOnThePrimary) {
  mysql::OkPacket ahead;
  ahead.status = mysql::status::kAutocommit | mysql::status::kSessionStateChanged;
  ahead.trackers.gtids = std::string(kUuid) + ":1-9";
  replica_.answer("SELECT v FROM t",
                  FakeServer::packets({mysql::encode_ok(ahead, kServerCapabilities)}));
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SELECT v FROM t FOR UPDATE"), "from the primary");
    EXPECT_EQ(test.asked(test.primary_, "SELECT WAIT_FOR"), 0);
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "OK");
    EXPECT_EQ(co_await test.ask("SELECT /* dorsal: consistency=eventual */ v FOR UPDATE"),
              "from the primary");
    EXPECT_EQ(test.asked(test.primary_, "SELECT WAIT_FOR"), 0);
    EXPECT_EQ(co_await test.ask("SELECT v FROM t FOR UPDATE"), "from the primary");
    EXPECT_EQ(co_await test.ask("SELECT w FROM t FOR UPDATE"), "from the primary");
  });
  EXPECT_EQ(asked(primary_, "SELECT WAIT_FOR"), 1);
}

// A read of what the primary shows tells no position; the replica may be behind it.
TEST_F(SessionTest, WhatWasReadOnThePrimaryIsNotUnseenOnAReplica) {
  replica_.otherwise([](const std::string& sql) -> std::optional<std::string> {
    if (begins(sql, "SELECT WAIT_FOR")) return rows("0");
    if (begins(sql, "SELECT")) return rows("from the replica");
    return ok();
  });
  run([](SessionTest& test) -> io::Task<> {
    EXPECT_EQ(co_await test.ask("SELECT v FROM t"), "from the replica");
    EXPECT_EQ(co_await test.ask("SELECT v FROM t FOR UPDATE"), "from the primary");
    const auto probes = test.shared_.numbers.probes.value();
    co_await test.ask("SELECT v FROM t");
    EXPECT_EQ(test.shared_.numbers.probes.value(), probes + 1);
    co_await test.ask("SELECT v FROM t");
    EXPECT_EQ(test.shared_.numbers.probes.value(), probes + 1);
  });
}

// Another proxy may have told its clients of writes that this one knows nothing of.
TEST_F(SessionTest, AGlobalReadAsksThePrimaryWhileThereAreOtherProxies) {
  run([](SessionTest& test) -> io::Task<> {
    co_await test.ask("SELECT v FROM t");
    const auto& probes = test.shared_.numbers.probes;
    const auto before = probes.value();
    co_await test.ask("SELECT v FROM t");
    EXPECT_EQ(probes.value(), before);
    test.context_.view->primary->other_proxies.saw_some();
    co_await test.ask("SELECT v FROM t");
    EXPECT_EQ(probes.value(), before + 1);
    co_await test.ask("SELECT /* dorsal: consistency=session */ v FROM t");
    EXPECT_EQ(probes.value(), before + 1);
  });
}

}  // namespace
}  // namespace dorsal::proxy
