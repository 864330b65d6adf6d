// A helper thread for calls that block: SQLite, files, fsync.
//
//   auto write = [&] { return write_file_atomically(path, bytes, 0600); };
//   auto written = co_await on_worker(worker, std::move(write));
//
// Calls of one Worker run one after the other, in the order in which they were awaited. The task
// resumes on its own loop. A call is not cancelled: the task waits for its end in any case, so the
// function may refer to what the waiting task owns. The function must not throw.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "edge/io/task.h"

namespace dorsal::io {

class Worker {
 public:
  // Starts the thread; it blocks all signals.
  Worker();
  // Finishes the calls under way and joins the thread. No task may be waiting.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // on_worker() without a result.
  Task<> run(std::function<void()> call);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

template <class F>
Task<std::invoke_result_t<F&>> on_worker(Worker& worker, F function) {
  if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
    std::function<void()> call = [&function] { function(); };
    co_await worker.run(std::move(call));
  } else {
    std::optional<std::invoke_result_t<F&>> result;
    std::function<void()> call = [&function, &result] { result.emplace(function()); };
    co_await worker.run(std::move(call));
    co_return *std::move(result);
  }
}

}  // namespace dorsal::io
