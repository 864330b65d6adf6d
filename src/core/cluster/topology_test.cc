#include "core/cluster/topology.h"

#include <gtest/gtest.h>

namespace dorsal::cluster {
namespace {

Node node(std::string name, std::int64_t published_ms) {
  Node made;
  made.member.name = NodeName(std::move(name));
  made.state.role = Role::Replica;
  made.state.healthy = true;
  made.state.published_ms = published_ms;
  return made;
}

TEST(Topology, NobodyIsPrimaryBeforeTheFirstTerm) {
  Topology topology;
  topology.nodes = {node("a", 0)};
  topology.leadership.primary = NodeName("a");
  EXPECT_EQ(topology.primary(), nullptr);
  topology.leadership.term = Term(1);
  EXPECT_EQ(topology.primary(), topology.find(NodeName("a")));
}

TEST(Topology, NamesOfRolesAndModesReadBack) {
  for (Role role : {Role::Primary, Role::Replica, Role::Joining, Role::Down}) {
    EXPECT_EQ(*parse_role(to_string(role)), role);
  }
  for (Mode mode : {Mode::SemiSync, Mode::Async}) EXPECT_EQ(*parse_mode(to_string(mode)), mode);
  EXPECT_EQ(parse_role("master").error().kind, ErrorKind::Invalid);
}

}  // namespace
}  // namespace dorsal::cluster
