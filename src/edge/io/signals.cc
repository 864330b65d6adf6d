#include "edge/io/signals.h"

#include <asio/redirect_error.hpp>
#include <asio/signal_set.hpp>

#include "edge/io/refusals.h"

namespace dorsal::io {

Task<int> wait_signal(Loop& loop, std::vector<int> signals) {
  if (co_await cancelled()) {
    if (auto exception = loop.refusals().next()) std::rethrow_exception(exception);
    co_return 0;
  }
  asio::basic_signal_set<Executor> set(loop.executor());
  for (int signal : signals) set.add(signal);
  asio::error_code error;
  auto token = asio::redirect_error(use_task, error);
  int signal = co_await set.async_wait(token);
  co_return error ? 0 : signal;
}

}  // namespace dorsal::io
