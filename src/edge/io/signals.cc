#include "edge/io/signals.h"

#include <asio/redirect_error.hpp>
#include <asio/signal_set.hpp>

#include "edge/io/refusals.h"

namespace dorsal::io {

struct Signals::Impl {
  explicit Impl(Loop& loop_) : loop(loop_), set(loop_.executor()) {}
  Loop& loop;
  asio::basic_signal_set<Executor> set;
};

Signals::Signals(Loop& loop, const std::vector<int>& signals)
    : impl_(std::make_unique<Impl>(loop)) {
  for (int signal : signals) impl_->set.add(signal);
}

Signals::~Signals() = default;

Task<int> Signals::next() {
  if (co_await cancelled()) {
    if (auto exception = impl_->loop.refusals().next()) std::rethrow_exception(exception);
    co_return 0;
  }
  asio::error_code error;
  auto token = asio::redirect_error(use_task, error);
  int signal = co_await impl_->set.async_wait(token);
  co_return error ? 0 : signal;
}

Task<int> wait_signal(Loop& loop, std::vector<int> signals) {
  Signals set(loop, signals);
  co_return co_await set.next();
}

}  // namespace dorsal::io
