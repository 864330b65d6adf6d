#include "edge/io/event.h"

#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>

#include "base/check.h"
#include "edge/io/refusals.h"
#include "edge/io/timer.h"

namespace dorsal::io {

// Lives in the frame of the waiting task and is linked while it waits.
struct Event::Waiter {
  Waiter(Event& event_, Timer timer_) : event(event_), timer(std::move(timer_)) {
    previous = event.last_;
    (previous == nullptr ? event.first_ : previous->next) = this;
    event.last_ = this;
  }
  ~Waiter() {
    if (!has_happened) unlink();
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  void unlink() {
    (previous == nullptr ? event.first_ : previous->next) = next;
    (next == nullptr ? event.last_ : next->previous) = previous;
  }

  void wake() {
    unlink();
    has_happened = true;
    timer.cancel();
  }

  Event& event;
  Timer timer;
  Waiter* previous = nullptr;
  Waiter* next = nullptr;
  bool has_happened = false;
};

Event::~Event() { DORSAL_CHECK(first_ == nullptr); }

void Event::set() {
  is_set_ = true;
  notify_all();
}

void Event::notify_all() {
  while (first_ != nullptr) first_->wake();
}

Task<bool> Event::wait(Deadline deadline) {
  auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    if (auto exception = loop_.refusals().next()) std::rethrow_exception(exception);
    co_return false;
  }
  if (is_set_) co_return true;
  Waiter waiter(*this, Timer(loop_.executor(), deadline.when()));
  asio::error_code error;
  auto token = asio::redirect_error(use_task, error);
  co_await waiter.timer.async_wait(token);
  co_return waiter.has_happened;
}

}  // namespace dorsal::io
