#include "service/proxy/servers.h"

#include <gtest/gtest.h>

namespace dorsal::proxy {
namespace {

cluster::Node node(std::string name, std::string address, cluster::Role role) {
  cluster::Node made;
  made.member.name = cluster::NodeName(std::move(name));
  made.member.address = std::move(address);
  made.state.role = role;
  made.state.healthy = true;
  return made;
}

std::shared_ptr<cluster::Topology> three_nodes() {
  auto topology = std::make_shared<cluster::Topology>();
  topology->nodes = {node("a", "127.0.0.1:6041", cluster::Role::Primary),
                     node("b", "127.0.0.1:6042", cluster::Role::Replica),
                     node("c", "127.0.0.1:6043", cluster::Role::Joining)};
  topology->leadership.term = cluster::Term(1);
  topology->leadership.primary = cluster::NodeName("a");
  return topology;
}

// Versions of the topology, terms, and seconds; patience is ten of these.
class ClosedPrimary : public testing::Test {
 public:
  void say_closed(std::uint64_t version, std::uint64_t term, int at) {
    server_.said_closed(version, cluster::Term(term), time(at));
  }
  std::string show(std::uint64_t version, std::uint64_t term, int at) const {
    const Duration patience = std::chrono::seconds(10);
    if (server_.is_closed_on_purpose(cluster::Term(term), time(at), patience)) return "on purpose";
    const bool is_for_now =
        server_.is_closed_for_now(version, cluster::Term(term), time(at), patience);
    return is_for_now ? "for now" : "open";
  }
  static TimePoint time(int seconds) { return TimePoint(std::chrono::seconds(1000 + seconds)); }

  Counters counters_;
  Server server_{0, cluster::NodeName("a"), io::Endpoint("127.0.0.1", 1), counters_};
};

TEST_F(ClosedPrimary, IsWaitedForAndThenBelieved) {
  EXPECT_EQ(show(1, 1, 0), "open");
  say_closed(1, 1, 0);
  EXPECT_EQ(show(1, 1, 9), "for now");
  EXPECT_EQ(show(2, 1, 9), "open") << "it is asked once in each topology";
  say_closed(2, 1, 9);
  EXPECT_EQ(show(2, 1, 10), "on purpose");
  EXPECT_EQ(show(3, 1, 11), "on purpose") << "in later ones too";
}

TEST_F(ClosedPrimary, IsWaitedForAnewInEachTerm) {
  say_closed(1, 1, 0);
  EXPECT_EQ(show(2, 2, 20), "open");
  say_closed(2, 2, 20);
  EXPECT_EQ(show(2, 2, 29), "for now");
  EXPECT_EQ(show(2, 2, 30), "on purpose");
}

TEST_F(ClosedPrimary, IsOpenAgainOnceItTakesAWrite) {
  say_closed(1, 1, 0);
  server_.took_a_write();
  EXPECT_EQ(show(1, 1, 20), "open");
  say_closed(1, 1, 20);
  EXPECT_EQ(show(1, 1, 21), "for now");
}

TEST(Servers, OnlyCaughtUpReplicasServeReads) {
  Counters counters;
  Servers servers(counters, "");
  auto view = servers.view(three_nodes());
  ASSERT_NE(view->primary, nullptr);
  EXPECT_EQ(view->primary->name.value(), "a");
  ASSERT_EQ(view->replicas.size(), 1U);
  EXPECT_EQ(view->replicas[0]->name.value(), "b");
  EXPECT_EQ(view->all.size(), 3U);
}

TEST(Servers, AnUnhealthyReplicaServesNothing) {
  Counters counters;
  Servers servers(counters, "");
  auto topology = three_nodes();
  topology->nodes[1].state.healthy = false;
  EXPECT_TRUE(servers.view(topology)->replicas.empty());
}

TEST(Servers, AServerKeepsItsIdentityAcrossViews) {
  Counters counters;
  Servers servers(counters, "");
  EXPECT_EQ(servers.view(three_nodes())->primary, servers.view(three_nodes())->primary);
  auto moved = three_nodes();
  moved->nodes[0].member.address = "127.0.0.1:7041";
  EXPECT_NE(servers.view(moved)->primary, servers.view(three_nodes())->primary);
}

TEST(Servers, KnowWhatAgentsSayOfThem) {
  Counters counters;
  Servers servers(counters, "here");
  auto topology = three_nodes();
  topology->nodes[1].state.zone = "here";
  topology->nodes[1].state.read_weight = 7;
  topology->nodes[1].state.lag_ms = 40;
  auto view = servers.view(topology);
  EXPECT_FALSE(view->primary->is_near);
  EXPECT_TRUE(view->replicas[0]->is_near);
  EXPECT_EQ(view->replicas[0]->read_weight, 7U);
  EXPECT_EQ(view->replicas[0]->lag_ms, 40);
  Servers nowhere(counters, "");
  EXPECT_FALSE(nowhere.view(three_nodes())->replicas[0]->is_near);
}

// As when the primary's agent alone cannot reach the store any more, and every member agrees.
TEST(Servers, APrimaryOfWhichNobodyTellsIsOpenWhileItTakesWrites) {
  Counters counters;
  Servers servers(counters, "");
  EXPECT_TRUE(servers.view(three_nodes())->primary_is_open());
  auto topology = three_nodes();
  topology->nodes[0].state.role = cluster::Role::Down;
  const auto view = servers.view(topology);
  EXPECT_FALSE(view->primary_is_open());
  view->primary->takes_writes = true;
  EXPECT_TRUE(view->primary_is_open());
}

TEST(Servers, OneThatIsTooFarBehindServesNoReads) {
  using std::chrono::milliseconds;
  Counters counters;
  Server server(0, cluster::NodeName("b"), io::Endpoint("127.0.0.1", 6042), counters);
  EXPECT_FALSE(server.may_serve_reads(Duration::zero())) << "it has not been reached yet";
  server.reachable = true;
  EXPECT_TRUE(server.may_serve_reads(Duration::zero()));
  EXPECT_FALSE(server.may_serve_reads(milliseconds(100))) << "nobody knows how far it is";
  server.lag_ms = 100;
  EXPECT_TRUE(server.may_serve_reads(milliseconds(100)));
  server.lag_ms = 101;
  EXPECT_FALSE(server.may_serve_reads(milliseconds(100)));
}

TEST(Servers, AfterSeveralMissedWaitsOnlyOneReaderInAWhileTries) {
  Counters counters;
  Server server(0, cluster::NodeName("b"), io::Endpoint("127.0.0.1", 6042), counters);
  TimePoint now(std::chrono::hours(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(server.worth_waiting(now));
    server.wait_timed_out(now);
  }
  EXPECT_FALSE(server.worth_waiting(now));
  now += std::chrono::milliseconds(60);
  EXPECT_TRUE(server.worth_waiting(now));
  EXPECT_FALSE(server.worth_waiting(now));
  server.wait_succeeded();
  EXPECT_TRUE(server.worth_waiting(now));
}

}  // namespace
}  // namespace dorsal::proxy
