#include "app/topology_watcher.h"

#include <gtest/gtest.h>

#include "edge/coord/memory_store.h"
#include "edge/io/clock.h"
#include "edge/io/scope.h"

namespace dorsal::app {
namespace {

class TopologyWatcherTest : public ::testing::Test {
 protected:
  void admit(const std::string& name) {
    auto admitted = io::block_on(
        loop_,
        cluster_.admit(cluster::NodeName(name), name + ":1", std::nullopt, Deadline::never()));
    ASSERT_TRUE(admitted);
  }
  void publish(const std::string& name, std::int64_t at_ms) {
    cluster::NodeState state;
    state.role = cluster::Role::Replica;
    state.healthy = true;
    state.published_ms = at_ms;
    ASSERT_TRUE(
        io::block_on(loop_, cluster_.publish(cluster::NodeName(name), state, Deadline::never())));
  }
  // Lets the watcher run until the predicate holds of what it published.
  template <class Predicate>
  bool eventually(Predicate holds) {
    auto end = loop_.after(std::chrono::seconds(20));
    while (!end.has_passed(loop_.now())) {
      auto topology = shared_.load();
      if (topology && holds(*topology)) return true;
      io::block_on(loop_, turn(loop_));
    }
    return false;
  }
  static io::Task<> turn(io::Loop& loop) {
    auto soon = loop.after(std::chrono::milliseconds(1));
    (void)co_await loop.sleep_until(soon);
  }

  io::Loop loop_;
  coord::MemoryStore store_{loop_};
  coord::ClusterStore cluster_{store_};
  cluster::SharedTopology shared_;
};

TEST_F(TopologyWatcherTest, AChangeInTheStoreIsPublished) {
  io::Scope scope(loop_);
  scope.spawn(watch_topology(loop_, cluster_, shared_));
  ASSERT_TRUE(eventually([](const cluster::Topology& t) { return t.nodes.empty(); }));
  admit("a");
  EXPECT_TRUE(eventually([](const cluster::Topology& t) { return t.nodes.size() == 1; }));
}

TEST_F(TopologyWatcherTest, ASilentAgentIsPublishedAsDown) {
  admit("fresh");
  admit("silent");
  publish("fresh", io::wall_ms() + 60'000);
  publish("silent", io::wall_ms() - 60'000);
  io::Scope scope(loop_);
  scope.spawn(watch_topology(loop_, cluster_, shared_));
  ASSERT_TRUE(eventually([](const cluster::Topology& t) { return t.nodes.size() == 2; }));
  auto topology = shared_.load();
  EXPECT_EQ(topology->find(cluster::NodeName("fresh"))->state.role, cluster::Role::Replica);
  EXPECT_EQ(topology->find(cluster::NodeName("silent"))->state.role, cluster::Role::Down);
}

TEST_F(TopologyWatcherTest, AStoreThatFailsChangesNothing) {
  admit("a");
  io::Scope scope(loop_);
  scope.spawn(watch_topology(loop_, cluster_, shared_));
  ASSERT_TRUE(eventually([](const cluster::Topology& t) { return t.nodes.size() == 1; }));
  store_.fail_next(3, unavailable("out of reach"));
  for (int i = 0; i < 20; ++i) io::block_on(loop_, turn(loop_));
  EXPECT_EQ(shared_.load()->nodes.size(), 1u);
}

}  // namespace
}  // namespace dorsal::app
