// Asio's timer on the clock of Deadlines.
#pragma once

#include <asio/basic_waitable_timer.hpp>
#include <chrono>

#include "edge/io/task.h"

namespace dorsal::io {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>,
                                         Executor>;

}  // namespace dorsal::io
