// Notices Ctrl-C and its like, for a command that works in steps on its main thread.
#pragma once

#include <csignal>

namespace dorsal::app {

// While it lives, SIGINT, SIGTERM and SIGHUP are only noted. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static bool has_come();

 private:
  struct sigaction before_[3];
};

}  // namespace dorsal::app
