// Runs one test of this very test program in a process of its own, so that it can be killed or race
// with others. Such a test is DISABLED_ for everybody else and finds its arguments with
// test_argument().
#pragma once

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "edge/io/loop.h"
#include "edge/io/process.h"
#include "edge/io/scope.h"

namespace dorsal::coord {

inline std::string test_variable(const std::string& name) { return "DORSAL_TEST_" + name; }

inline std::string test_argument(const std::string& name) {
  const char* text = std::getenv(test_variable(name).c_str());
  DORSAL_CHECK(text != nullptr);
  return text;
}

class TestProcess {
 public:
  // Arguments are name and value in turn.
  template <class... Texts>
  explicit TestProcess(const std::string& test, const Texts&... arguments)
      : child_(*io::ChildProcess::spawn(loop_, options(test, {std::string(arguments)...}))) {}
  ~TestProcess() {
    if (is_running()) {
      (void)child_.kill(9);
      (void)wait();
    }
  }

  bool is_running() { return !child_.poll().has_value(); }
  void kill(int signal) { (void)child_.kill(signal); }
  io::ExitStatus wait() {
    auto deadline = loop_.after(std::chrono::seconds(60));
    return *io::block_on(loop_, child_.wait(deadline));
  }

 private:
  static io::SpawnOptions options(const std::string& test, std::vector<std::string> arguments) {
    io::SpawnOptions made;
    made.program = "/proc/self/exe";
    made.arguments = {"--gtest_filter=" + test, "--gtest_also_run_disabled_tests"};
    for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
      made.environment.push_back(test_variable(arguments[i]) + "=" + arguments[i + 1]);
    }
    made.die_with_parent = true;
    return made;
  }

  io::Loop loop_;
  io::ChildProcess child_;
};

}  // namespace dorsal::coord
