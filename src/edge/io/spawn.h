// Forks and executes: the part of process.h that runs between the two. For the classes of this
// folder.
//
// Between fork and exec only system calls are made, no memory is allocated and no lock taken, so
// any thread of a program with many may do it. The child reports through a pipe why it could not
// execute; the pipe closes by itself when it could.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace dorsal::io {

struct SpawnPlan {
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string working_directory;
  std::string own_pid_variable;
  int output = -1;  // becomes stdout and stderr; -1: /dev/null
  bool die_with_parent = false;
  bool new_process_group = false;
  bool is_daemon = false;  // a new session, and init as its parent
};

// The pid. A daemon is no child of ours and needs no reaping.
Result<pid_t> spawn(const SpawnPlan& plan);

}  // namespace dorsal::io
