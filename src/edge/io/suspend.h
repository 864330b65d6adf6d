// Suspends a task until somebody resumes it. For the classes of this folder.
//
//   auto start = [&](Resume resume) { resume_.emplace(std::move(resume)); };
//   co_await suspend(std::move(start));
//
// The function is called once the task is suspended. It, or whoever it hands the Resume to, calls
// the Resume once on the loop's thread, but not inside the function. A Resume is move-only; one
// that is destroyed without having been called destroys its task. get_executor(),
// get_cancellation_slot() and get_cancellation_state() are those of the task.
#pragma once

#include <asio/async_result.hpp>
#include <utility>

#include "edge/io/task.h"

namespace dorsal::io {

using Resume = asio::async_result<UseTask, void()>::handler_type;

template <class F>
Task<> suspend(F start) {
  return asio::async_initiate<const UseTask, void()>(std::move(start), use_task);
}

}  // namespace dorsal::io
