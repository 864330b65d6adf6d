#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/failover/decide.h"
#include "core/failover/test_views.h"

namespace dorsal::failover {
namespace {

using cluster::Process;
using cluster::Receiver;
using cluster::Role;

TEST(Decide, AReplicaShowsWhatIsWrong) {
  View view = replica_view();
  view.server.facts->following->applier_runs = false;
  view.server.facts->following->error_text = "Duplicate entry '1' for key 't.PRIMARY'";
  view.resting = {Action::StartReplication};
  EXPECT_EQ(decide(view, Policy()).activity,
            "replication stopped: Duplicate entry '1' for key 't.PRIMARY'");
  EXPECT_FALSE(is_healthy(view, Policy()));
}

TEST(Decide, StraysAreNamed) {
  View view = replica_view();
  view.server.facts->executed = gtids(from_one("1-100") + "," + from_two("7"));
  view.server.facts->following->receiver = Receiver::Off;
  view.server.facts->replica_semi_sync = false;
  view.server.saved_strays = gtids(from_two("7"));
  view.topology.pause.emplace();
  take_vote(view, "node2");
  EXPECT_EQ(decide(view, Policy()).activity,
            "it has transactions that the primary node1 never had (" + from_two("7") +
                "), so it serves nothing until it is cloned anew");
  EXPECT_FALSE(is_healthy(view, Policy()));
}

TEST(Health, AReplicaOutlivesItsPrimary) {
  View view = replica_view();
  view.server.facts->following->receiver = Receiver::Connecting;
  view.topology.nodes[0].state.role = Role::Down;
  view.lag_ms.reset();
  EXPECT_TRUE(is_healthy(view, Policy()));
}

TEST(Health, AReplicaThatCannotReachALivingPrimaryIsNotWell) {
  View view = replica_view();
  view.server.facts->following->receiver = Receiver::Connecting;
  view.lag_ms = 10001;
  EXPECT_FALSE(is_healthy(view, Policy()));
}

TEST(Health, AVoterThatDoesNotAcknowledgeIsNotWell) {
  View view = replica_view();
  view.server.facts->replica_semi_sync = false;
  EXPECT_FALSE(is_healthy(view, Policy()));
}

TEST(Health, APrimaryIsWellWhileItTakesProtectedWrites) {
  View view = primary_view();
  EXPECT_TRUE(is_healthy(view, Policy()));
  view.server.facts->source_semi_sync_active = false;
  EXPECT_FALSE(is_healthy(view, Policy()));
}

TEST(RoleOf, FollowsFromWhatTheNodeCanServe) {
  EXPECT_EQ(role_of(primary_view(), Policy()), Role::Primary);
  EXPECT_EQ(role_of(booted_primary_view(), Policy()), Role::Joining);
  EXPECT_EQ(role_of(replica_view(), Policy()), Role::Replica);
  EXPECT_EQ(role_of(newcomer_view(), Policy()), Role::Joining);
  View dead = replica_view();
  dead.server.process = Process::Stopped;
  EXPECT_EQ(role_of(dead, Policy()), Role::Down);
}

std::string read_page(const char* path) {
  std::string page;
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return page;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) page += static_cast<char>(c);
  std::fclose(file);
  return page;
}

void write_page(const char* path, const std::string& page) {
  std::FILE* file = std::fopen(path, "w");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(std::fwrite(page.data(), 1, page.size(), file), page.size());
  EXPECT_EQ(std::fclose(file), 0);
}

// DORSAL_UPDATE_GOLDEN=1 rewrites the page instead; read the difference before you keep it.
TEST(Rules, ThePageIsThatOfTheTable) {
  const char* path = DORSAL_FAILOVER_PAGE;
  if (std::getenv("DORSAL_UPDATE_GOLDEN") != nullptr) write_page(path, describe_rules());
  EXPECT_EQ(read_page(path), describe_rules());
}

}  // namespace
}  // namespace dorsal::failover
