// Starts a thread on which no signal handler ever runs.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace dorsal::io {

// Throws std::system_error when the system has no thread to spare.
template <class F>
std::thread start_quiet_thread(F function) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Restores the mask also when the thread cannot be started.
  struct Restore {
    const sigset_t& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } restore{before};
  return std::thread(std::move(function));
}

}  // namespace dorsal::io
