#include "app/interrupt.h"

#include <atomic>

namespace dorsal::app {
namespace {

// A signal handler can reach nothing but what is global.
std::atomic<bool> has_interrupt = false;
static_assert(std::atomic<bool>::is_always_lock_free);

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

void note(int) { has_interrupt = true; }

}  // namespace

Interrupt::Interrupt() {
  has_interrupt = false;
  struct sigaction action {};
  action.sa_handler = note;
  for (int i = 0; i < 3; ++i) ::sigaction(kSignals[i], &action, &before_[i]);
}

Interrupt::~Interrupt() {
  for (int i = 0; i < 3; ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
}

bool Interrupt::has_come() { return has_interrupt; }

}  // namespace dorsal::app
