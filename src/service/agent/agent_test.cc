#include "service/agent/agent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edge/coord/memory_store.h"
#include "edge/instance/fake_instance.h"
#include "edge/io/scope.h"

namespace dorsal::agent {
namespace {

using cluster::DataStage;
using cluster::NodeName;
using cluster::NodeState;
using cluster::Role;
using instance::FakeInstance;

// Time stands still unless a test moves it.
struct Time {
  TimePoint boot;
  std::int64_t wall_ms = 0;
};
Time& now() {
  static Time time;
  return time;
}

void pass(std::chrono::milliseconds span) {
  now().boot += span;
  now().wall_ms += span.count();
}

struct NodeUnderTest {
  NodeUnderTest(io::Loop& loop, coord::ClusterStore& store, int number)
      : fake(loop, std::to_string(number) + "1111111-1111-1111-1111-111111111111"),
        agent(options(number), loop, store, fake, counters) {}

  static Options options(int number) {
    Options options;
    options.node = NodeName("node" + std::to_string(number));
    options.address = "127.0.0.1:604" + std::to_string(number);
    options.charter.uuid = "cluster-uuid";
    options.clocks.boot = [] { return now().boot; };
    options.clocks.wall_ms = [] { return now().wall_ms; };
    return options;
  }

  bool did(const std::string& call) const {
    return std::find(fake.calls.begin(), fake.calls.end(), call) != fake.calls.end();
  }

  FakeInstance fake;
  Counters counters;
  Agent agent;
};

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    now().boot = TimePoint(std::chrono::hours(1));
    now().wall_ms = 1'000'000;
  }

  NodeUnderTest& add(int number) {
    nodes_.push_back(std::make_unique<NodeUnderTest>(loop_, store_, number));
    EXPECT_TRUE(io::block_on(loop_, nodes_.back()->agent.enter()));
    return *nodes_.back();
  }

  void tick(NodeUnderTest& node, int times = 1) {
    for (int i = 0; i < times; ++i) {
      io::block_on(loop_, node.agent.tick());
      settle();
      pass(std::chrono::milliseconds(250));
    }
  }

  // Lets jobs that need no time come to their end.
  void settle() {
    auto turn = [](io::Loop& loop) -> io::Task<> {
      (void)co_await loop.sleep_until(Deadline::at(loop.now()));
    };
    for (int i = 0; i < 5; ++i) io::block_on(loop_, turn(loop_));
  }

  coord::Snapshot load() { return *io::block_on(loop_, store_.load(Deadline::never())); }
  NodeState state(const std::string& name) { return load().topology.find(NodeName(name))->state; }
  cluster::Member member(const std::string& name) {
    return load().topology.find(NodeName(name))->member;
  }

  // A cluster of two that has come to rest.
  void raise_two() {
    NodeUnderTest& first = add(1);
    tick(first, 8);
    first.fake.facts().executed = *mysql::parse_gtid_set(kWrites);
    tick(first, 4);
    NodeUnderTest& second = add(2);
    second.fake.donor_data = *mysql::parse_gtid_set(kWrites);
    for (int i = 0; i < 20; ++i) {
      tick(second);
      second.fake.facts().heartbeat_ms = now().wall_ms;
      tick(first);
    }
  }

  // And comes back, and begins to replicate.
  void die_again(NodeUnderTest& node) {
    node.fake.die("mysqld was killed by signal 11 (Segmentation fault)");
    for (int i = 0; i < 20; ++i) {  // replication is not started more often than each five seconds
      tick(first());
      tick(node);
    }
  }

  NodeUnderTest& first() { return *nodes_[0]; }
  NodeUnderTest& second() { return *nodes_[1]; }

  static constexpr const char* kWrites = "11111111-1111-1111-1111-111111111111:1-5";
  io::Loop loop_;
  coord::MemoryStore memory_{loop_};
  coord::ClusterStore store_{memory_};
  std::vector<std::unique_ptr<NodeUnderTest>> nodes_;
};

TEST_F(AgentTest, TheFirstNodeInitialisesAndLeads) {
  NodeUnderTest& node = add(1);
  tick(node, 6);
  EXPECT_EQ(node.fake.calls,
            (std::vector<std::string>{"open",
                                      "claim",
                                      "remember",
                                      "initialise",
                                      "start",
                                      "accept_data",
                                      "open_for_writes"}));
  EXPECT_EQ(state("node1").role, Role::Primary);
  EXPECT_TRUE(state("node1").healthy);
  EXPECT_EQ(load().topology.leadership.term, cluster::Term(1));
}

TEST_F(AgentTest, EveryRuleThatDecidedIsCounted) {
  NodeUnderTest& node = add(1);
  tick(node, 6);
  std::map<std::string, std::uint64_t> counts;
  for (const auto& sample : node.counters.read()) {
    if (sample.name != "dorsal_agent_steps_total") continue;
    for (const auto& [label, value] : sample.labels) {
      if (label == "rule") counts[value] = static_cast<std::uint64_t>(sample.value);
    }
  }
  EXPECT_EQ(counts["lead_empty_cluster"], 1u);
  EXPECT_EQ(counts["open_for_writes"], 1u);
  EXPECT_EQ(counts["lead"], 1u) << "there is nothing else to do, at every look";
}

TEST_F(AgentTest, TheSecondIsClonedAndBothBecomeVoters) {
  raise_two();
  EXPECT_EQ(second().fake.calls,
            (std::vector<std::string>{"open",
                                      "claim",
                                      "remember",
                                      "initialise",
                                      "start",
                                      "clone_from 127.0.0.1:6041",
                                      "start",
                                      "accept_data",
                                      "change_source 127.0.0.1:6041",
                                      "stop_syncing",
                                      "start_replication",
                                      "sync_relay_log",
                                      "remember",
                                      "remember",
                                      "give_acks",
                                      "remember"}));
  EXPECT_TRUE(first().did("require_acks"));
  EXPECT_TRUE(load().topology.is_voter(NodeName("node1")));
  EXPECT_TRUE(load().topology.is_voter(NodeName("node2")));
  EXPECT_EQ(state("node2").role, Role::Replica);
  EXPECT_TRUE(state("node2").healthy);
  EXPECT_TRUE(state("node2").semi_sync);
}

TEST_F(AgentTest, ADeadServerComesBackAsItWas) {
  raise_two();
  first().fake.die("mysqld was killed by signal 9 (Killed)");
  first().fake.calls.clear();
  tick(first(), 3);
  EXPECT_EQ(first().fake.calls,
            (std::vector<std::string>{"start", "require_acks", "open_for_writes"}));
}

TEST_F(AgentTest, AServerThatKeepsDyingIsStartedEverLessOften) {
  raise_two();
  NodeUnderTest& node = second();
  node.fake.fails.emplace("start", unavailable("no"));
  node.fake.die("mysqld exited with status 1: the disk is full");
  node.fake.calls.clear();
  tick(node, 28);  // seven seconds: at 0, 1, 3 and not before 7
  EXPECT_EQ(node.fake.calls, (std::vector<std::string>{"start", "start", "start"}));
  EXPECT_EQ(state("node2").activity, "mysqld exited with status 1: the disk is full");
  EXPECT_EQ(state("node2").role, Role::Down);
}

TEST_F(AgentTest, DataOnWhichAServerDiesAsSoonAsItAppliesIsSetAside) {
  raise_two();
  pass(std::chrono::seconds(5));  // it is that far behind, and gets no further
  second().fake.calls.clear();
  for (int i = 0; i < failover::Policy().most_failed_starts; ++i) {
    die_again(second());
    EXPECT_FALSE(second().did("set_data_aside")) << i;
  }
  die_again(second());
  EXPECT_TRUE(second().did("set_data_aside"));
}

TEST_F(AgentTest, DataOfAServerThatCaughtUpBetweenItsDeathsIsKept) {
  raise_two();
  second().fake.calls.clear();
  for (int i = 0; i < 2 * failover::Policy().most_failed_starts; ++i) {
    die_again(second());
    second().fake.facts().heartbeat_ms = now().wall_ms;
    tick(second());
    EXPECT_TRUE(state("node2").healthy);
  }
  EXPECT_FALSE(second().did("set_data_aside"));
}

TEST_F(AgentTest, AMomentWithoutTheStoreFencesNobody) {
  raise_two();
  first().fake.calls.clear();
  memory_.fail_next(1000, unavailable("the store is away"));
  tick(first(), 6);  // a second and a half
  EXPECT_FALSE(first().did("fence"));
}

TEST_F(AgentTest, ALeaseThatRunsOutFencesAndComesBack) {
  raise_two();
  first().fake.calls.clear();
  memory_.fail_next(1'000'000, unavailable("the store is away"));
  tick(first(), 40);
  EXPECT_TRUE(first().did("fence"));
  EXPECT_FALSE(first().fake.facts().writable);
  memory_.fail_next(0, unavailable(""));
  tick(first(), 4);
  EXPECT_TRUE(first().fake.facts().writable);
  EXPECT_EQ(state("node1").role, Role::Primary);
}

TEST_F(AgentTest, AServerThatCannotBeFencedIsKilled) {
  raise_two();
  first().fake.fails.emplace("fence", timeout("clients wait for acknowledgements"));
  memory_.fail_next(1'000'000, unavailable("the store is away"));
  tick(first(), 40);
  EXPECT_TRUE(first().did("kill"));
}

TEST_F(AgentTest, AHungServerIsKilledSoLongAfterItWasAsked) {
  raise_two();
  first().fake.server.process = cluster::Process::Silent;
  first().fake.server.facts.reset();
  const TimePoint asked = now().boot;
  bool was_asked = false;
  first().fake.on_observe = [&] {
    if (!std::exchange(was_asked, true)) pass(std::chrono::milliseconds(1000));
  };
  while (!first().did("kill") && now().boot - asked < std::chrono::seconds(10)) tick(first());
  EXPECT_GE(now().boot - asked, std::chrono::milliseconds(2000));
  EXPECT_LE(now().boot - asked, std::chrono::milliseconds(2750));
}

TEST_F(AgentTest, ALeaseIsNotKeptAcrossARestartOfTheAgent) {
  raise_two();
  NodeUnderTest again(loop_, store_, 1);
  ASSERT_TRUE(io::block_on(loop_, again.agent.enter()));
  again.fake.server = first().fake.server;
  again.fake.facts().writable = again.fake.server.may_be_writable = true;
  io::block_on(loop_, again.agent.tick());
  EXPECT_TRUE(again.did("fence"));
}

TEST_F(AgentTest, TheLeaseIsRenewedWhileALongJobRuns) {
  NodeUnderTest& node = add(1);
  node.fake.hold_long_acts(true);
  tick(node, 20);
  EXPECT_GE(load().topology.leadership.renewals, 4u);
  EXPECT_EQ(state("node1").activity, "initialising a data folder");
  node.fake.hold_long_acts(false);
  tick(node, 6);
  EXPECT_EQ(state("node1").role, Role::Primary);
}

TEST_F(AgentTest, ABusyDonorIsAskedAgain) {
  NodeUnderTest& first = add(1);
  tick(first, 8);
  NodeUnderTest& second = add(2);
  second.fake.fails.emplace("clone_from", unavailable("Too many concurrent clone operations"));
  tick(second, 4);
  EXPECT_TRUE(second.did("clone_from 127.0.0.1:6041"));
  second.fake.fails.clear();
  second.fake.calls.clear();
  tick(second, 8);
  EXPECT_TRUE(second.did("clone_from 127.0.0.1:6041"));
}

TEST_F(AgentTest, AnInterruptedCloneStartsOver) {
  NodeUnderTest& first = add(1);
  tick(first, 8);
  NodeUnderTest& second = add(2);
  second.fake.server.stage = DataStage::Cloning;
  tick(second, 6);
  EXPECT_EQ(second.fake.calls,
            (std::vector<std::string>{"open",
                                      "claim",
                                      "remember",
                                      "start",
                                      "start_over",
                                      "initialise",
                                      "start",
                                      "clone_from 127.0.0.1:6041",
                                      "start"}));
}

TEST_F(AgentTest, ARefusedFolderEndsTheAgent) {
  NodeUnderTest node(loop_, store_, 1);
  node.fake.fails.emplace("open", invalid("/srv/node1 belongs to another cluster"));
  const auto outcome = io::block_on(loop_, node.agent.run());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "/srv/node1 belongs to another cluster");
}

TEST_F(AgentTest, AnAddressThatIsTakenEndsTheAgent) {
  add(1);
  Options options = NodeUnderTest::options(2);
  options.address = "127.0.0.1:6041";
  FakeInstance fake(loop_, "x");
  Counters counters;
  Agent agent(options, loop_, store_, fake, counters);
  EXPECT_EQ(io::block_on(loop_, agent.run()).error().kind, ErrorKind::Conflict);
}

TEST_F(AgentTest, LeavingFencesThePrimaryBeforeItStops) {
  raise_two();
  first().fake.calls.clear();
  io::block_on(loop_, first().agent.leave());
  EXPECT_EQ(first().fake.calls, (std::vector<std::string>{"fence", "stop"}));
  EXPECT_EQ(state("node1").role, Role::Down);
  EXPECT_EQ(state("node1").gtid_executed, kWrites);
}

TEST_F(AgentTest, LeavingKillsAPrimaryThatCannotBeFenced) {
  raise_two();
  first().fake.calls.clear();
  first().fake.fails.emplace("fence", timeout("clients wait for acknowledgements"));
  io::block_on(loop_, first().agent.leave());
  EXPECT_EQ(first().fake.calls, (std::vector<std::string>{"fence", "kill", "stop"}));
}

TEST_F(AgentTest, StatesAreRenewedOnceASecond) {
  raise_two();
  const std::int64_t before = state("node2").published_ms;
  tick(second(), 8);
  const std::int64_t after = state("node2").published_ms;
  EXPECT_GE(after - before, 1000);
  EXPECT_LE(after - before, 2000);
}

TEST_F(AgentTest, WhatItKnowsIsAsOfItsLastLookAlsoWithoutTheStore) {
  NodeUnderTest& node = add(1);
  EXPECT_EQ(node.agent.knowledge().cluster, "") << "it has not looked yet";
  tick(node, 8);
  node.fake.facts().executed = *mysql::parse_gtid_set(kWrites);
  memory_.fail_next(1'000'000, unavailable("the store is away"));
  tick(node);
  auto known = node.agent.knowledge();
  EXPECT_EQ(known.cluster, "cluster-uuid");
  EXPECT_EQ(known.self, NodeName("node1"));
  EXPECT_EQ(known.term, cluster::Term(1));
  EXPECT_EQ(known.primary, NodeName("node1"));
  EXPECT_FALSE(known.store_answers);
  EXPECT_EQ(node.agent.state().gtid_executed, kWrites);
  memory_.fail_next(0, unavailable(""));
}

TEST_F(AgentTest, AFolderThatIsRefusedLeavesNothingInTheStore) {
  FakeInstance fake(loop_, "31111111-1111-1111-1111-111111111111");
  fake.fails.emplace("open", invalid("/srv/node3 belongs to another cluster"));
  Counters counters;
  Agent founder(NodeUnderTest::options(3), loop_, store_, fake, counters);
  EXPECT_FALSE(io::block_on(loop_, founder.enter()));
  EXPECT_FALSE(load().has_charter);
  add(1);
  const auto before = load().newest;
  Agent stray(NodeUnderTest::options(3), loop_, store_, fake, counters);
  EXPECT_FALSE(io::block_on(loop_, stray.enter()));
  EXPECT_EQ(load().topology.find(NodeName("node3")), nullptr);
  EXPECT_EQ(load().newest, before);
}

TEST_F(AgentTest, TheStoreOfAnotherClusterThanItsCertificateIsRefused) {
  add(1);
  FakeInstance fake(loop_, "31111111-1111-1111-1111-111111111111");
  Counters counters;
  auto options = NodeUnderTest::options(3);
  options.charter.uuid = "other-uuid";
  options.is_charter_certain = true;
  Agent stray(options, loop_, store_, fake, counters);
  auto entered = io::block_on(loop_, stray.enter());
  ASSERT_FALSE(entered);
  EXPECT_EQ(entered.error().message,
            "the store is that of cluster cluster-uuid, and this node's certificate is of "
            "other-uuid; look at 'cluster.store' and 'tls'");
  EXPECT_EQ(load().topology.find(NodeName("node3")), nullptr);
}

}  // namespace
}  // namespace dorsal::agent
