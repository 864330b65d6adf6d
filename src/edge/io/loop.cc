#include "edge/io/loop.h"

#include <asio/detail/concurrency_hint.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <atomic>

#include "base/check.h"
#include "edge/io/compressors.h"
#include "edge/io/refusals.h"
#include "edge/io/resolver.h"
#include "edge/io/timer.h"
#include "edge/io/watchdog.h"

namespace dorsal::io {

struct Loop::Impl {
  // One thread does all input and output, so its locks are left out; those of the queue of handlers
  // stay, because post() and stop() come from other threads.
  asio::io_context context{ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  asio::executor_work_guard<Executor> work{context.get_executor()};
  Watchdog watchdog{context.get_executor()};
  Resolver resolver;
  Refusals refusals;
  Compressors compressors;
  std::atomic<bool> is_running{false};
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() { DORSAL_CHECK(!is_running()); }

void Loop::run() {
  DORSAL_CHECK(!impl_->is_running.exchange(true));
  impl_->context.run();
  impl_->is_running.store(false);
}

void Loop::stop() { impl_->context.stop(); }

void Loop::post(std::function<void()> function) { asio::post(impl_->context, std::move(function)); }

Task<bool> Loop::sleep_until(Deadline deadline) {
  auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    if (auto exception = refusals().next()) std::rethrow_exception(exception);
    co_return false;
  }
  Timer timer(executor(), deadline.when());
  asio::error_code error;
  auto token = asio::redirect_error(use_task, error);
  co_await timer.async_wait(token);
  co_return !error;
}

asio::io_context& Loop::context() { return impl_->context; }
Executor Loop::executor() { return impl_->context.get_executor(); }
Watchdog& Loop::watchdog() { return impl_->watchdog; }
Resolver& Loop::resolver() { return impl_->resolver; }
Refusals& Loop::refusals() { return impl_->refusals; }
Compressors& Loop::compressors() { return impl_->compressors; }
bool Loop::is_running() const { return impl_->is_running.load(); }

}  // namespace dorsal::io
