#include "app/role.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "app/stop_roles.h"
#include "edge/coord/test_folder.h"

namespace dorsal::app {
namespace {

using coord::TestFolder;

Role role_in(const TestFolder& folder, const std::string& name, const std::string& command) {
  return Role{name, command, "", lock_file(folder.path(), name), folder.file(name + ".log"), {}};
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
    EXPECT_TRUE(second.error().message.starts_with("node1 runs already: ")) << second.error().message;
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

TEST(Role, TheLastLineOfALogIsFound) {
  TestFolder folder;
  EXPECT_EQ(last_log_line(folder.file("missing.log")), "");
  std::ofstream(folder.file("role.log")) << "first\nlast\n\n";
  EXPECT_EQ(last_log_line(folder.file("role.log")), "last");
}

}  // namespace
}  // namespace dorsal::app
