#include "app/role.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "app/role_keeper.h"
#include "app/stop_roles.h"
#include "app/work_lock.h"
#include "edge/coord/test_folder.h"

namespace dorsal::app {
namespace {

using coord::TestFolder;

Role role_in(const TestFolder& folder, const std::string& name, const std::string& command) {
  return Role{name, command, "", lock_file(folder.path(), name), folder.file(name + ".log")};
}

// A child that holds the role's lock until it is told to end, or for ever when it is stubborn.
pid_t start_holder(const Role& role, const TestFolder& folder, bool is_stubborn) {
  int ready[2];
  EXPECT_EQ(::pipe(ready), 0);
  pid_t child = ::fork();
  if (child == 0) {
    if (is_stubborn) ::signal(SIGTERM, SIG_IGN);
    auto lock = hold_role(folder.path(), role.name);
    char byte = lock ? 'y' : 'n';
    (void)!::write(ready[1], &byte, 1);
    for (;;) ::pause();
  }
  ::close(ready[1]);
  char byte = 0;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  ::close(ready[0]);
  return child;
}

void reap(pid_t child) { ::waitpid(child, nullptr, 0); }

TEST(Role, RunsWhileItsLockIsHeld) {
  TestFolder folder;
  auto role = role_in(folder, "node1", "node");
  EXPECT_FALSE(running_pid(role));
  {
    auto lock = hold_role(folder.path(), "node1");
    ASSERT_TRUE(lock);
    EXPECT_EQ(running_pid(role), ::getpid());
    auto second = hold_role(folder.path(), "node1");
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().message.starts_with("node1 runs already: "))
        << second.error().message;
  }
  EXPECT_FALSE(running_pid(role));
}

TEST(Role, APidInAFileThatNobodyLocksMeansNothing) {
  TestFolder folder;
  auto role = role_in(folder, "node1", "node");
  std::ofstream(role.lock) << ::getpid() << "\n";
  EXPECT_FALSE(running_pid(role));
  EXPECT_FALSE(running_process(role));
}

TEST(Role, StoppingEndsWhoHoldsTheLock) {
  TestFolder folder;
  auto role = role_in(folder, "node1", "node");
  pid_t child = start_holder(role, folder, false);
  std::vector<std::string> said;
  auto stopped = stop_roles({role, role_in(folder, "node2", "node")},
                            [&](const std::string& line) { said.push_back(line); });
  EXPECT_EQ(stopped, std::vector<std::string>{"node1"});
  EXPECT_EQ(said, std::vector<std::string>{"node1 is stopped"});
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST(Role, AHandleTellsOfTheEnd) {
  TestFolder folder;
  auto role = role_in(folder, "proxy", "proxy");
  pid_t child = start_holder(role, folder, false);
  auto process = running_process(role);
  ASSERT_TRUE(process);
  EXPECT_EQ(process->pid(), child);
  EXPECT_FALSE(process->has_ended());
  process->send(SIGKILL);
  EXPECT_TRUE(process->wait(std::chrono::seconds(20)));
  reap(child);
  EXPECT_FALSE(running_process(role));
}

// ---- RoleKeeper ----

class RoleKeeperTest : public ::testing::Test {
 protected:
  RoleKeeperTest() {
    role_.program = folder_.file("program");
    EXPECT_TRUE(record_wish(cluster_, Wish::Up));
  }
  void write_program(const std::string& body) {
    std::ofstream(role_.program) << "#!/bin/sh\n" << body << "\n";
    ::chmod(role_.program.c_str(), 0755);
  }
  RoleKeeper keeper() {
    return RoleKeeper(cluster_, {role_}, [this](const std::string& line) {
      said_.push_back(line);
    });
  }

  TestFolder folder_;
  LocalCluster cluster_{folder_.path()};
  Role role_ = role_in(folder_, "node1", "node");
  std::vector<std::string> said_;
};

TEST_F(RoleKeeperTest, ARoleThatEndsAgainAndAgainIsGivenUpWithItsLastWords) {
  write_program("echo 'dorsal node: cannot do it'; exit 1");
  auto kept = keeper();
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  Result<void> outcome;
  while (outcome && std::chrono::steady_clock::now() < end) {
    outcome = kept.start_missing(2);
    std::this_thread::yield();
  }
  ASSERT_FALSE(outcome);
  EXPECT_EQ(
      outcome.error().message,
      "node1 ends whenever it is started; " + role_.log + " ends with: dorsal node: cannot do it");
  EXPECT_EQ(said_.size(), 1u);
}

TEST_F(RoleKeeperTest, ARoleThatRunsIsLeftAlone) {
  write_program("touch " + folder_.file("started"));
  auto lock = hold_role(folder_.path(), "node1");
  auto kept = keeper();
  ASSERT_TRUE(kept.start_missing(1));
  EXPECT_EQ(kept.started_ms("node1"), 0);
}

TEST_F(RoleKeeperTest, NothingIsStartedOnceDownWasAskedFor) {
  write_program("exit 1");
  ASSERT_TRUE(record_wish(cluster_, Wish::Down));
  auto kept = keeper();
  ASSERT_TRUE(kept.start_missing(1));
  ASSERT_TRUE(kept.start_missing(1));
  EXPECT_FALSE(std::filesystem::exists(role_.log));
}

TEST_F(RoleKeeperTest, NothingIsStartedWhileAnotherCommandIsAtWork) {
  write_program("exit 1");
  auto lock = lock_work(cluster_, [](const std::string&) {});
  auto kept = keeper();
  ASSERT_TRUE(kept.start_missing(1));
  EXPECT_FALSE(std::filesystem::exists(role_.log));
}

TEST(Role, TheLastLineOfALogIsFound) {
  TestFolder folder;
  EXPECT_EQ(last_log_line(folder.file("missing.log")), "");
  std::ofstream(folder.file("role.log")) << "first\nlast\n\n";
  EXPECT_EQ(last_log_line(folder.file("role.log")), "last");
}

}  // namespace
}  // namespace dorsal::app
