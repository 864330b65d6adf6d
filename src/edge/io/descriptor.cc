#include "edge/io/descriptor.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <asio/async_result.hpp>
#include <asio/error.hpp>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "edge/io/files.h"
#include "edge/io/refusals.h"

namespace dorsal::io {
namespace {

bool is_ready(int descriptor, Direction direction) {
  pollfd poll_for{descriptor,
                  static_cast<short>(direction == Direction::Read ? POLLIN : POLLOUT),
                  0};
  return ::poll(&poll_for, 1, 0) > 0;
}

// Ready is ready: nothing is read or written.
class Readiness final : public Operation {
 public:
  Readiness(Descriptor& descriptor, Direction direction)
      : Operation(descriptor, direction), direction_(direction) {}

 private:
  Progress attempt(bool) override {
    return is_ready(descriptor_.native_handle(), direction_) ? Progress::Done : Progress::NotYet;
  }

  Direction direction_;
};

}  // namespace

Descriptor::Descriptor(Loop& loop)
    : loop_(loop), reactor_(asio::use_service<asio::detail::reactor>(loop.context())) {
  reactor_.init_task();
}

Descriptor::~Descriptor() {
  close();
  DORSAL_CHECK(pending_[0] == nullptr && pending_[1] == nullptr);
}

Result<void> Descriptor::open(int descriptor) {
  DORSAL_CHECK(!is_open());
  int flags = ::fcntl(descriptor, F_GETFL);
  if ((flags & O_NONBLOCK) == 0) ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
  if (int error = reactor_.register_descriptor(descriptor, registration_); error != 0) {
    ::close(descriptor);
    reactor_.cleanup_descriptor_data(registration_);
    return unavailable("cannot watch a file descriptor: " + system_error_text(error));
  }
  descriptor_ = descriptor;
  return {};
}

void Descriptor::close() {
  if (!is_open()) return;
  for (Operation* operation : pending_) {
    if (operation != nullptr) operation->stop_ = Operation::Stop::Closed;
  }
  reactor_.deregister_descriptor(descriptor_, registration_, true);
  ::close(std::exchange(descriptor_, -1));
  reactor_.cleanup_descriptor_data(registration_);
}

int Descriptor::release() {
  DORSAL_CHECK(pending_[0] == nullptr && pending_[1] == nullptr);
  reactor_.deregister_descriptor(descriptor_, registration_, false);
  reactor_.cleanup_descriptor_data(registration_);
  return std::exchange(descriptor_, -1);
}

Task<Result<std::size_t>> Descriptor::run(Operation& operation,
                                          Deadline deadline,
                                          Precision precision) {
  auto start = [&operation, deadline, precision](Operation::Handler handler) {
    operation.start(std::move(handler), deadline, precision);
  };
  return asio::async_initiate<const UseTask, void(std::exception_ptr, Result<std::size_t>)>(
      std::move(start),
      use_task);
}

Task<Result<void>> Descriptor::wait(Direction direction, Deadline deadline, Precision precision) {
  Readiness readiness(*this, direction);
  auto ready = co_await run(readiness, deadline, precision);
  if (!ready) co_return ready.error();
  co_return Result<void>();
}

Operation::Operation(Descriptor& descriptor, Direction direction)
    : reactor_op(asio::error_code(), &Operation::perform, &Operation::complete),
      descriptor_(descriptor),
      direction_(direction) {
  cancellation_key_ = this;
}

Operation::~Operation() { DORSAL_CHECK(!is_under_way()); }

void Operation::start(Handler handler, Deadline deadline, Precision precision) {
  DORSAL_CHECK(!is_under_way() && descriptor_.pending(direction_) == nullptr);
  descriptor_.pending(direction_) = this;
  auto slot = handler.get_cancellation_slot();
  bool is_cancelled = handler.get_cancellation_state().cancelled() != asio::cancellation_type::none;
  handler_.emplace(std::move(handler));
  stop_ = Stop::None;
  deadline_ = deadline;
  if (is_cancelled) return refuse(Stop::Cancelled);
  if (!descriptor_.is_open()) return refuse(Stop::Closed);
  if (slot.is_connected()) slot.assign([this](asio::cancellation_type) { stop(Stop::Cancelled); });
  descriptor_.loop_.watchdog().arm(*this, deadline, precision);
  submit();
}

// Tries at once, unless the descriptor is known to be drained, and waits for an edge otherwise.
void Operation::submit() {
  ec_ = asio::error_code();
  transferred_ = 0;
  failure_.reset();
  is_submitting_ = true;
  descriptor_.reactor_.start_op(static_cast<int>(direction_),
                                descriptor_.descriptor_,
                                descriptor_.registration_,
                                this,
                                true,
                                true);
  is_submitting_ = false;
}

void Operation::refuse(Stop why) {
  stop_ = why;
  ec_ = asio::error::operation_aborted;
  descriptor_.reactor_.post_immediate_completion(this, true);
}

// An operation that is complete already, but not yet reported, takes no notice: what it has read
// must not be lost.
void Operation::stop(Stop why) {
  if (!descriptor_.is_open()) return;
  stop_ = why;
  descriptor_.reactor_.cancel_ops_by_key(descriptor_.descriptor_,
                                         descriptor_.registration_,
                                         static_cast<int>(direction_),
                                         this);
}

void Operation::probe() {
  if (is_ready_unnoticed()) stop(Stop::Retry);
}

Operation::status Operation::perform(reactor_op* base) {
  auto* self = static_cast<Operation*>(base);
  switch (self->attempt(!self->is_submitting_)) {
    case Progress::NotYet:
      return not_done;
    case Progress::Done:
      return done;
    case Progress::Drained:
      return done_and_exhausted;
  }
  return not_done;
}

void Operation::complete(void* owner,
                         asio::detail::operation* base,
                         const asio::error_code&,
                         std::size_t) {
  auto* self = static_cast<Operation*>(base);
  if (owner == nullptr) {
    // The loop is being destroyed, and the waiting task with it.
    self->descriptor_.loop_.watchdog().disarm(*self);
    self->descriptor_.pending(self->direction_) = nullptr;
    Handler handler = std::move(*self->handler_);
    self->handler_.reset();
    return;
  }
  if (self->ec_ && self->stop_ == Stop::Retry) {
    self->stop_ = Stop::None;
    self->is_submitting_ = true;
    auto progress = self->attempt(false);
    self->is_submitting_ = false;
    if (progress == Progress::NotYet) return self->submit();
    self->ec_ = asio::error_code();
  }
  self->finish();
}

void Operation::finish() {
  descriptor_.loop_.watchdog().disarm(*this);
  descriptor_.pending(direction_) = nullptr;
  std::exception_ptr exception;
  if (ec_ && stop_ == Stop::Cancelled) exception = descriptor_.loop_.refusals().next();
  Result<std::size_t> result = outcome();
  Handler handler = std::move(*handler_);
  handler_.reset();
  handler(exception, std::move(result));
}

Result<std::size_t> Operation::outcome() {
  if (!ec_) {
    if (failure_) return *std::move(failure_);
    return transferred_;
  }
  switch (stop_) {
    case Stop::Expired:
      return timeout("nothing happened before the deadline");
    case Stop::Cancelled:
      return unavailable("cancelled");
    default:
      return unavailable("the connection is closed");
  }
}

}  // namespace dorsal::io
