// The process that a proxy starts to take its own place, when it is asked to (SIGUSR2, which is
// what `dorsal upgrade --config` sends).
//
// For a proxy that a service manager keeps running: what is started from inside belongs to the
// service, with its user, limits and sandbox, and the manager is told that it is the main process
// from now on. The new process asks for the ports as any other would (see app/handover.h).
#pragma once

#include <memory>
#include <string>

#include "app/commands.h"
#include "edge/io/loop.h"
#include "edge/io/process.h"
#include "edge/io/scope.h"
#include "edge/io/task.h"

namespace dorsal::app {

class Successor {
 public:
  // The process that runs by these options. The scope's tasks end before the Successor does.
  Successor(io::Loop& loop, io::Scope& scope, RoleOptions options, std::string run_folder);

  // Starts the program that is now where this one was started from, unless one is on its way. When
  // it ends before it has taken over, that is logged and left for `dorsal upgrade`.
  void start();

  // A successor, this one or any other, has taken over.
  void has_taken_over();

 private:
  io::Task<> watch();
  void refuse(const std::string& why) const;

  io::Loop& loop_;
  io::Scope& scope_;
  const RoleOptions options_;
  const std::string outcome_file_;
  std::unique_ptr<io::ChildProcess> process_;
  bool is_followed_ = false;
};

}  // namespace dorsal::app
