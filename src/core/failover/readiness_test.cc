#include "core/failover/readiness.h"

#include <gtest/gtest.h>

#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

using cluster::NodeName;
using cluster::Role;

// A cluster of so many, at rest.
cluster::Topology of_size(int nodes, std::uint32_t acks) {
  cluster::Topology topology = settled();
  while (static_cast<int>(topology.nodes.size()) > nodes) {
    topology.leadership.votes.erase(topology.nodes.back().member.name);
    topology.nodes.pop_back();
  }
  for (int i = 4; i <= nodes; ++i) {
    cluster::Node each = node("node" + std::to_string(i), "127.0.0.1:604" + std::to_string(i));
    each.state.role = Role::Replica;
    topology.leadership.votes[each.member.name] = {};
    topology.nodes.push_back(each);
  }
  topology.charter.acks = acks;
  topology.leadership.lease_ms = 2500;
  return topology;
}

TEST(Readiness, EachSizeSurvivesWhatItCan) {
  struct Size {
    int nodes;
    std::uint32_t acks;
    std::size_t survives;
  };
  for (const Size& each : {Size{2, 1, 0},
                           Size{3, 1, 1},
                           Size{4, 1, 1},
                           Size{5, 1, 1},
                           Size{5, 2, 2},
                           Size{6, 2, 2},
                           Size{7, 3, 3},
                           Size{8, 3, 3},
                           Size{8, 4, 3},
                           Size{9, 4, 4},
                           Size{3, 2, 0}}) {
    const Readiness ready = readiness(of_size(each.nodes, each.acks));
    EXPECT_EQ(ready.survives, each.survives) << each.nodes << " nodes, " << each.acks << " acks";
    EXPECT_EQ(ready.survives_now, each.survives);
    EXPECT_EQ(ready.blocked_by, "");
  }
}

TEST(Readiness, SaysWhoTakesOverAndWhen) {
  cluster::Topology topology = of_size(3, 1);
  EXPECT_EQ(readiness(topology).candidate, NodeName("node2"));
  topology.nodes[2].state.priority = 60;
  const Readiness ready = readiness(topology);
  EXPECT_EQ(ready.candidate, NodeName("node3"));
  EXPECT_EQ(ready.host_lost_ms, 3500);
  EXPECT_EQ(ready.mysqld_lost_ms, 1000);
  EXPECT_FALSE(ready.may_lose_writes);
}

TEST(Readiness, SaysWhatIsInTheWay) {
  cluster::Topology topology = of_size(3, 1);
  topology.nodes[2].state.role = Role::Down;
  topology.nodes[2].state.healthy = false;
  const Readiness blocked = readiness(topology);
  EXPECT_EQ(blocked.blocked_by,
            "2 of 2 voters must say what they have received, and node3 cannot be asked");
  EXPECT_FALSE(blocked.candidate);
  EXPECT_EQ(blocked.survives_now, 0U);
  EXPECT_EQ(blocked.survives, 1U);
  topology = of_size(3, 1);
  topology.pause = cluster::Pause{"", 1};
  EXPECT_EQ(readiness(topology).blocked_by, "the cluster is paused");
  topology = of_size(3, 1);
  topology.leadership.votes.clear();
  EXPECT_TRUE(readiness(topology).may_lose_writes);
}

}  // namespace
}  // namespace dorsal::failover
