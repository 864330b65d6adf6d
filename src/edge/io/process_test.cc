#include "edge/io/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/io/scope.h"
#include "edge/io/signals.h"
#include "edge/io/testing.h"

namespace dorsal::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SpawnOptions shell(std::string script) {
  SpawnOptions options;
  options.program = "sh";
  options.arguments = {"-c", std::move(script)};
  return options;
}

class Process : public ::testing::Test {
 protected:
  std::string ends_as(SpawnOptions options) {
    auto child = ChildProcess::spawn(loop_, std::move(options));
    if (!child) return child.error().message;
    auto status = block_on(loop_, child->wait(loop_.after(seconds(30))));
    return status ? to_string(*status) : status.error().message;
  }
  std::string output_of(SpawnOptions options) {
    options.output_file = folder_ / "output";
    EXPECT_EQ(ends_as(std::move(options)), "exited with status 0");
    return *read_file(folder_ / "output");
  }

  Loop loop_;
  testing::ScratchFolder folder_;
};

TEST_F(Process, ReportsExitCodesAndSignals) {
  EXPECT_EQ(ends_as(shell("exit 0")), "exited with status 0");
  EXPECT_EQ(ends_as(shell("exit 7")), "exited with status 7");
  EXPECT_EQ(ends_as(shell("kill -9 $$")), "was killed by signal 9 (Killed)");
}

TEST_F(Process, ProgramThatCannotRunIsAnError) {
  SpawnOptions options;
  options.program = "no-such-program-anywhere";
  auto missing = ChildProcess::spawn(loop_, options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::NotFound);
  options.program = "/no/such/program";
  EXPECT_EQ(ChildProcess::spawn(loop_, options).error().kind, ErrorKind::NotFound);
  options.program = "/etc/passwd";
  auto not_executable = ChildProcess::spawn(loop_, options);
  ASSERT_FALSE(not_executable);
  EXPECT_EQ(not_executable.error().kind, ErrorKind::Invalid);
  options = shell("exit 0");
  options.working_directory = "/no/such/folder";
  EXPECT_FALSE(ChildProcess::spawn(loop_, options));
}

TEST_F(Process, InheritsOnlyWhatItIsGiven) {
  int leak = ::open("/dev/null", O_RDONLY);
  ASSERT_GE(leak, 0);
  auto options = shell("ls /proc/self/fd; echo \"$MARK $PWD $0 $1\"; echo error >&2");
  options.arguments.push_back("zero");
  options.arguments.push_back("one");
  options.environment = {"MARK=set"};
  options.working_directory = folder_.path();
  auto output = output_of(options);
  ::close(leak);
  // ls itself opens one descriptor more, for the folder.
  EXPECT_EQ(output, "0\n1\n2\n3\nset " + folder_.path() + " zero one\nerror\n");
}

TEST_F(Process, TellsTheChildItsOwnPid) {
  auto options = shell("echo $MYSQLD_PARENT_PID $$");
  options.own_pid_variable = "MYSQLD_PARENT_PID";
  auto output = output_of(options);
  auto space = output.find(' ');
  EXPECT_EQ(output.substr(0, space), output.substr(space + 1, output.size() - space - 2));
}

TEST_F(Process, AppendsItsOutput) {
  EXPECT_EQ(output_of(shell("echo one")), "one\n");
  EXPECT_EQ(output_of(shell("echo two")), "one\ntwo\n");
}

TEST_F(Process, ResetsSignalsInTheChild) {
  auto before = ::signal(SIGUSR1, SIG_IGN);
  EXPECT_EQ(ends_as(shell("kill -USR1 $$; exit 3")),
            "was killed by signal 10 (User defined signal 1)");
  ::signal(SIGUSR1, before);
}

TEST_F(Process, WaitTimesOutAndMayBeRepeated) {
  auto child = ChildProcess::spawn(loop_, shell("exec sleep 1000"));
  ASSERT_TRUE(child);
  auto early = block_on(loop_, child->wait(loop_.after(milliseconds(5))));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().kind, ErrorKind::Timeout);
  EXPECT_EQ(child->poll(), std::nullopt);
  EXPECT_TRUE(child->kill(SIGTERM));
  ExitStatus terminated{0, SIGTERM};
  EXPECT_EQ(*block_on(loop_, child->wait(Deadline::never())), terminated);
  EXPECT_EQ(*block_on(loop_, child->wait(Deadline::never())), terminated);
  EXPECT_EQ(child->kill(SIGTERM).error().kind, ErrorKind::NotFound);
}

bool is_alive(pid_t pid) {
  auto status = read_file("/proc/" + std::to_string(pid) + "/stat");
  return status && status->find(") Z") == std::string::npos;
}

Task<bool> dies(Loop& loop, pid_t pid) {
  auto limit = loop.after(seconds(30));
  while (is_alive(pid)) {
    if (limit.has_passed(loop.now())) co_return false;
    co_await loop.sleep_until(loop.after(milliseconds(5)));
  }
  co_return true;
}

// A helper process spawns a child and is killed; the child must not survive it.
TEST_F(Process, ChildDiesWithItsParent) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  pid_t helper = ::fork();
  if (helper == 0) {
    Loop loop;
    auto options = shell("exec sleep 1000");
    options.die_with_parent = true;
    auto child = ChildProcess::spawn(loop, std::move(options));
    pid_t pid = child ? child->pid() : -1;
    (void)!::write(ends[1], &pid, sizeof pid);
    while (true) ::pause();
  }
  pid_t grandchild = -1;
  ASSERT_EQ(::read(ends[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof(pid_t)));
  ASSERT_GT(grandchild, 0);
  EXPECT_TRUE(is_alive(grandchild));
  ::kill(helper, SIGKILL);
  ::waitpid(helper, nullptr, 0);
  EXPECT_TRUE(block_on(loop_, dies(loop_, grandchild)));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Process, RunToEndCapturesBothStreams) {
  std::vector<std::string> arguments = {"-c", "echo out; echo err >&2; exit 3"};
  auto output = block_on(loop_, run_to_end(loop_, "sh", arguments, loop_.after(seconds(30))));
  ASSERT_TRUE(output);
  EXPECT_EQ(output->text, "out\nerr\n");
  EXPECT_EQ(output->status.code, 3);
}

TEST_F(Process, RunToEndBoundsTheOutput) {
  std::vector<std::string> arguments = {"-c", "head -c 3000000 /dev/zero"};
  auto output = block_on(loop_, run_to_end(loop_, "sh", arguments, loop_.after(seconds(60))));
  ASSERT_TRUE(output);
  EXPECT_EQ(output->text.size(), std::size_t{1} << 20);
  EXPECT_TRUE(output->is_cut);
  EXPECT_TRUE(output->status.ok());
}

TEST_F(Process, RunToEndKillsAtTheDeadline) {
  auto pid_file = folder_ / "pid";
  std::vector<std::string> arguments = {"-c", "echo $$ > " + pid_file + "; sleep 1000; true"};
  auto output = block_on(loop_, run_to_end(loop_, "sh", arguments, loop_.after(milliseconds(300))));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, ErrorKind::Timeout);
  // On a busy machine the deadline may come before the shell has written its pid.
  auto pid = read_file(pid_file);
  if (pid && !pid->empty()) {
    EXPECT_TRUE(block_on(loop_, dies(loop_, std::stoi(*pid))));
  }
}

TEST_F(Process, DaemonRunsInASessionOfItsOwn) {
  auto log = folder_ / "log";
  auto daemon = spawn_daemon("sh", {"-c", "echo $$ $PPID; exec sleep 1000"}, log);
  ASSERT_TRUE(daemon) << daemon.error().message;
  EXPECT_TRUE(is_alive(*daemon));
  EXPECT_NE(::getsid(*daemon), ::getsid(0));
  EXPECT_EQ(::waitpid(*daemon, nullptr, WNOHANG), -1) << "it is no child of ours";
  ::kill(*daemon, SIGKILL);
  EXPECT_TRUE(block_on(loop_, dies(loop_, *daemon)));
  EXPECT_FALSE(spawn_daemon("/no/such/program", {}, log));
}

Task<> raise_and_wait(Loop& loop, int& caught) {
  auto raise_soon = [](Loop& on) -> Task<> {
    co_await on.sleep_until(on.after(milliseconds(1)));
    ::raise(SIGUSR2);
  };
  Scope scope(loop);
  scope.spawn(raise_soon(loop));
  std::vector<int> signals = {SIGUSR1, SIGUSR2};
  caught = co_await wait_signal(loop, std::move(signals));
  co_await scope.join();
}

TEST_F(Process, WaitsForSignals) {
  int caught = 0;
  block_on(loop_, raise_and_wait(loop_, caught));
  EXPECT_EQ(caught, SIGUSR2);
  int cancelled_as = -1;
  auto wait = [](Loop& loop, int& out) -> Task<> {
    std::vector<int> signals = {SIGUSR1};
    out = co_await wait_signal(loop, std::move(signals));
  };
  {
    Scope scope(loop_);
    scope.spawn(wait(loop_, cancelled_as));
    loop_.context().poll();
  }
  EXPECT_EQ(cancelled_as, 0);
}

Task<> take_two(Loop& loop, std::vector<int>& caught) {
  Signals signals(loop, {SIGUSR1, SIGUSR2});
  ::raise(SIGUSR2);
  caught.push_back(co_await signals.next());
  // Nobody waits now, and still it does not end the process.
  ::raise(SIGUSR1);
  co_await loop.sleep_until(loop.after(milliseconds(1)));
  caught.push_back(co_await signals.next());
}

TEST_F(Process, KeepsSignalsThatComeBetweenTwoWaits) {
  std::vector<int> caught;
  block_on(loop_, take_two(loop_, caught));
  EXPECT_EQ(caught, (std::vector<int>{SIGUSR2, SIGUSR1}));
}

TEST_F(Process, WhatHasEndedDoesNotRunEvenBeforeItIsReaped) {
  EXPECT_TRUE(is_running(::getpid()));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(is_running(child));
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(is_running(child));
}

}  // namespace
}  // namespace dorsal::io
