#include "service/agent/hooks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "edge/instance/test_folder.h"
#include "edge/io/scope.h"

namespace dorsal::agent {
namespace {

RoleChange change_to(cluster::Role role, std::uint64_t term) {
  RoleChange change;
  change.cluster = "shop";
  change.node = cluster::NodeName("node2");
  change.before = cluster::Role::Replica;
  change.role = role;
  change.primary = cluster::NodeName("node2");
  change.term = cluster::Term(term);
  change.rule = "win_election";
  change.why = "leads \"for now\"";
  change.at_ms = 1700000000000;
  return change;
}

class HooksTest : public testing::Test {
 public:
  std::string program(const std::string& lines) {
    const std::string path = folder_ + "/hook";
    std::ofstream(path) << "#!/bin/sh\n" << lines;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }

  std::string written() const {
    std::stringstream text;
    text << std::ifstream(folder_ + "/out").rdbuf();
    return text.str();
  }

  Number& count(const char* outcome) {
    return counters_.counter("dorsal_agent_hooks_total",
                             "Changes of role that the operator's hooks were told of.",
                             {{"node", "node2"}, {"kind", "program"}, {"outcome", outcome}});
  }

  void tell(const std::string& path, const std::vector<RoleChange>& changes, Duration limit) {
    Hooks hooks(loop_, HookOptions{path, std::nullopt}, counters_, {{"node", "node2"}});
    for (const RoleChange& change : changes) hooks.note(change);
    auto finish = [](Hooks& told, Deadline deadline) -> io::Task<> {
      co_await told.finish(deadline);
    };
    io::block_on(loop_, finish(hooks, loop_.after(limit)));
  }

  io::Loop loop_;
  Counters counters_;
  instance::TestFolder made_;
  const std::string& folder_ = made_.path;
};

constexpr auto kHang = std::chrono::seconds(60);

TEST_F(HooksTest, AProgramIsToldOfEachChangeInOrder) {
  const std::string path = program(
      "echo $DORSAL_CLUSTER $DORSAL_NODE $DORSAL_ROLE_BEFORE $DORSAL_ROLE $DORSAL_PRIMARY "
      "$DORSAL_TERM $DORSAL_RULE $DORSAL_WHY $DORSAL_AT_MS >>" +
      folder_ + "/out\n");
  tell(path, {change_to(cluster::Role::Primary, 7), change_to(cluster::Role::Down, 8)}, kHang);
  EXPECT_EQ(written(),
            "shop node2 replica primary node2 7 win_election leads \"for now\" 1700000000000\n"
            "shop node2 replica down node2 8 win_election leads \"for now\" 1700000000000\n");
  EXPECT_EQ(count("done").value(), 2);
}

TEST_F(HooksTest, OneThatFailsDoesNotKeepTheNextFromBeingToldOf) {
  const std::string path = program("echo $DORSAL_TERM >>" + folder_ + "/out; exit 3\n");
  tell(path, {change_to(cluster::Role::Primary, 7), change_to(cluster::Role::Down, 8)}, kHang);
  EXPECT_EQ(written(), "7\n8\n");
  EXPECT_EQ(count("failed").value(), 2);
  tell(folder_ + "/none", {change_to(cluster::Role::Primary, 9)}, kHang);
  EXPECT_EQ(count("failed").value(), 3);
}

TEST_F(HooksTest, OneThatDoesNotEndIsKilled) {
  const std::string path = program("echo begins >>" + folder_ + "/out; exec sleep 1000\n");
  tell(path, {change_to(cluster::Role::Primary, 7)}, std::chrono::milliseconds(500));
  EXPECT_EQ(count("failed").value(), 1);
}

TEST_F(HooksTest, WhatIsUnderWayWhenTheNodeStopsIsToldOfAgain) {
  const std::string path = program("echo $DORSAL_TERM >>" + folder_ + "/out; test -e " + folder_ +
                                   "/stops || exec sleep 1000\n");
  Hooks hooks(loop_, HookOptions{path, std::nullopt}, counters_, {{"node", "node2"}});
  hooks.note(change_to(cluster::Role::Primary, 7));
  auto stop = [](HooksTest& test, Hooks& told) -> io::Task<> {
    {
      io::Scope scope(test.loop_);
      scope.spawn(told.run_for_ever());
      while (test.written().empty()) {
        const Deadline next = test.loop_.after(std::chrono::milliseconds(10));
        co_await test.loop_.sleep_until(next);
      }
      co_await scope.cancel_and_join();
    }
    std::ofstream(test.folder_ + "/stops") << "now\n";
    const Deadline limit = test.loop_.after(kHang);
    co_await told.finish(limit);
  };
  io::block_on(loop_, stop(*this, hooks));
  EXPECT_EQ(written(), "7\n7\n");
  EXPECT_EQ(count("done").value(), 1);
}

TEST(HookJson, HasTheSameFields) {
  EXPECT_EQ(hook_json(change_to(cluster::Role::Primary, 7)),
            R"({"at_ms":1700000000000,"cluster":"shop","node":"node2","primary":"node2",)"
            R"("role":"primary","role_before":"replica","rule":"win_election","term":7,)"
            R"("why":"leads \"for now\""})");
}

}  // namespace
}  // namespace dorsal::agent
