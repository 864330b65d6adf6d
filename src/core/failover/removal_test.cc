#include "core/failover/removal.h"

#include <gtest/gtest.h>

#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

using cluster::NodeName;
using cluster::Role;
using cluster::Vote;

std::string why_not(const View& view, const char* name, bool is_gone) {
  const auto checked = check_removal(view.topology, NodeName(name), is_gone);
  return checked ? "" : checked.error().message;
}

TEST(Removal, OfWhoIsUpNeedsNobodysWord) {
  const View view = primary_view();
  EXPECT_EQ("", why_not(view, "node2", false));
  EXPECT_EQ("node2 is up, so it is not gone; without --gone it leaves in order",
            why_not(view, "node2", true));
}

TEST(Removal, OfWhoIsSilentNeedsAPersonsWord) {
  View view = primary_view();
  find(view, "node2").state.role = Role::Down;
  EXPECT_NE(std::string::npos, why_not(view, "node2", false).find("dorsal remove node2 --gone"));
  EXPECT_EQ("", why_not(view, "node2", true));
}

TEST(Removal, OfWhoIsGoneWaitsForAPrimary) {
  View view = primary_view();
  find(view, "node2").state.role = Role::Down;
  find(view, "node1").state.role = Role::Down;
  EXPECT_NE(std::string::npos, why_not(view, "node2", true).find("no node leads at the moment"));
  view.topology.leadership.primary = NodeName();
  EXPECT_NE(std::string::npos, why_not(view, "node2", true).find("no node leads at the moment"));
}

TEST(Removal, OfThePrimaryOrOfNobodyIsRefused) {
  const View view = primary_view();
  EXPECT_NE(std::string::npos, why_not(view, "node1", false).find("is the primary"));
  EXPECT_NE(std::string::npos, why_not(view, "node1", true).find("is the primary"));
  EXPECT_EQ("there is no node node9", why_not(view, "node9", true));
}

TEST(Removal, WritesAVoteOffOnce) {
  cluster::Leadership leadership = primary_view().topology.leadership;
  leadership.changes = 7;
  EXPECT_TRUE(write_off_vote(leadership, NodeName("node2")));
  EXPECT_EQ(Vote::State::Lost, leadership.votes.at(NodeName("node2")).state);
  EXPECT_EQ(8u, leadership.changes);
  EXPECT_FALSE(write_off_vote(leadership, NodeName("node2")));
  EXPECT_FALSE(write_off_vote(leadership, NodeName("node9")));
  EXPECT_EQ(8u, leadership.changes);
}

}  // namespace
}  // namespace dorsal::failover
