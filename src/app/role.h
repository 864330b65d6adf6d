// A role is one process of a cluster: a node's agent, or the proxy. It holds a lock with its pid
// for as long as it lives, so whether it runs is never guessed from a pid.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "base/result.h"
#include "edge/io/files.h"

namespace dorsal::app {

inline constexpr const char* kProxyRole = "proxy";
inline constexpr const char* kAdminRole = "admin";

struct Role {
  std::string name;     // "node1", "proxy"
  std::string command;  // the subcommand that runs it: "node", "proxy"
  std::string config;   // its configuration file
  std::string lock;
  std::string log;                          // where its output goes
  std::vector<std::string> arguments = {};  // further flags of the subcommand
  std::string program = {};                 // empty: this very program
};

std::string lock_file(const std::string& run_folder, const std::string& role);

// Held by the role's own process, first thing. Conflict, in a sentence, when it runs already.
Result<io::FileLock> hold_role(const std::string& run_folder, const std::string& role);

// The pid of the process that holds the role's lock; 0 when it has only just taken it.
std::optional<pid_t> running_pid(const Role& role);

// The file that this very program was started from, or the one that has replaced it since: as it
// was called, so that a symbolic link leads to where it points now.
Result<std::string> own_program();

// Starts the role as a process that outlives this one, and returns its pid. It may still fail.
Result<pid_t> start_role(const Role& role);

// A process that was running when this was made, told apart from any later one with its pid.
class ProcessHandle {
 public:
  // Empty when there is no such process.
  static std::optional<ProcessHandle> open(pid_t pid);
  ~ProcessHandle();
  ProcessHandle(ProcessHandle&& other) noexcept;
  ProcessHandle& operator=(ProcessHandle&& other) noexcept;

  pid_t pid() const { return pid_; }
  void send(int signal) const;
  bool has_ended() const;
  // True when it ended within that time.
  bool wait(std::chrono::milliseconds limit) const;

 private:
  ProcessHandle(pid_t pid, int descriptor) : pid_(pid), descriptor_(descriptor) {}
  pid_t pid_ = 0;
  int descriptor_ = -1;
};

// The process that runs the role now: whoever holds its lock, checked again once it cannot be
// mistaken for another any more. Empty when the role does not run.
std::optional<ProcessHandle> running_process(const Role& role);

// The last line that a role wrote; empty when there is none.
std::string last_log_line(const std::string& log);

}  // namespace dorsal::app
