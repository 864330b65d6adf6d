#include "edge/io/task.h"

#include <asio/this_coro.hpp>

namespace dorsal::io {

Task<bool> cancelled() {
  auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace dorsal::io
