// Child processes.
//
// A child inherits nothing but its standard streams: all other descriptors are closed, its signal
// mask is empty and its signal actions are the defaults. Its end is learned through a pidfd, so no
// SIGCHLD handler is needed, and none may reap children of ours.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::io {

struct ExitStatus {
  int code = 0;    // as it exited, when signal is 0
  int signal = 0;  // the signal that killed it, or 0

  bool ok() const { return code == 0 && signal == 0; }
  bool operator==(const ExitStatus&) const = default;
};

// "exited with status 1", "was killed by signal 9 (Killed)".
std::string to_string(const ExitStatus& status);

struct SpawnOptions {
  std::string program;                   // a path, or a name that is looked up in PATH
  std::vector<std::string> arguments;    // without the program's own name
  std::vector<std::string> environment;  // "NAME=value", in addition to ours and winning over it
  std::string working_directory;         // empty: ours
  std::string output_file;               // stdout and stderr are appended; empty: /dev/null
  bool keeps_output = false;             // stdout and stderr are our stderr; no output_file then
  std::string own_pid_variable;          // not empty: is set to the child's own pid

  // The kernel kills the child (SIGKILL) when the thread that spawned it ends, however it ends. So
  // spawn from a thread that lives as long as the process: the main thread or a loop's, never a
  // Worker that may go earlier.
  bool die_with_parent = false;

  // A process group of its own: a Ctrl-C on our terminal does not reach it.
  bool new_process_group = true;
};

class ChildProcess {
 public:
  // Blocks until the program runs or is known not to. Fails NotFound when there is no such program,
  // Invalid when it cannot be executed, Unavailable when the system has no process to spare. The
  // loop, on which the child is waited for, outlives the ChildProcess.
  static Result<ChildProcess> spawn(Loop& loop, SpawnOptions options);

  // Does not kill: a child that still runs goes on without us (unless die_with_parent ends it with
  // us); one that has ended is reaped. Nobody waits for it then.
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  pid_t pid() const;

  // Its end; Timeout when it still runs at the deadline (noticed up to 50 ms late), Unavailable
  // when the task is cancelled; it may be waited for again. After the end it returns the same
  // status at once. One wait at a time.
  Task<Result<ExitStatus>> wait(Deadline deadline);

  // The same without waiting; empty while it runs.
  std::optional<ExitStatus> poll();

  // Sends a signal; never hits another process that took over the pid. NotFound after its end.
  Result<void> kill(int signal);

  // SIGKILL for it and its process group, then waits for its end without the loop: milliseconds.
  ExitStatus kill_and_reap();

  // Takes over a child of this process that somebody else has forked.
  static Result<ChildProcess> adopt(Loop& loop, pid_t pid);

 private:
  struct State;
  explicit ChildProcess(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct Output {
  ExitStatus status;
  std::string text;     // stdout and stderr together, the first mebibyte
  bool is_cut = false;  // there was more
};

// Runs a program to its end, with /dev/null as its input. At the deadline, or when the task is
// cancelled, it is killed and reaped before this returns Timeout or Unavailable.
Task<Result<Output>> run_to_end(Loop& loop,
                                std::string program,
                                std::vector<std::string> arguments,
                                Deadline deadline);

// Starts a program that outlives us and our terminal: new session, parent is init, output appended
// to the file. Blocks until it runs or is known not to; returns its pid. To be called before any
// other thread is started, or from any thread: between fork and exec it only makes system calls.
Result<pid_t> spawn_daemon(const std::string& program,
                           const std::vector<std::string>& arguments,
                           const std::string& log_file);

// Whether a process of this machine runs; one that has ended and waits to be reaped does not.
bool is_running(pid_t pid);

}  // namespace dorsal::io
