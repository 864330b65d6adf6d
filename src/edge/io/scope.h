// Owns spawned tasks: cancels them and waits until they are gone.
//
// Calls must match: spawn* (cancel_and_join | join)?, and by the time of its destruction a Scope is
// empty. One exception makes programs and tests simple: destroyed on a thread that is not inside
// the loop (after run() has returned, say), it cancels and runs the loop until it is empty.
// Destroyed with tasks in it from within the loop, it aborts the program.
//
// An exception that escapes a task aborts too, apart from operation_aborted after cancellation.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::io {

class Scope {
 public:
  // The loop outlives the Scope.
  explicit Scope(Loop& loop);
  ~Scope();  // NOLINT(bugprone-exception-escape): what a task throws aborts before it gets here
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // The task starts at the loop's next turn, never inside this call; cancelled before that, it is
  // destroyed without having run. Constant time. A cancelled Scope destroys the task at once.
  void spawn(Task<> task);

  // Asks every task to end; further spawns are refused. Constant time for each task.
  void cancel();

  // Returns when every task has ended and its frame, with all that it owned, is destroyed. Waits
  // even if the caller itself is cancelled. Only one task at a time may wait for a Scope, and never
  // one of its own.
  Task<> cancel_and_join();

  // The same without asking them to end. When the caller is cancelled meanwhile, so are they.
  Task<> join();

  std::size_t size() const;
  bool is_cancelled() const;

 private:
  friend void block_on(Loop& loop, Task<> task);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Runs the task on this loop, which nobody else runs, and returns its result: for command line
// tools and tests. Other tasks of the loop run meanwhile.
void block_on(Loop& loop, Task<> task);

template <class T>
T block_on(Loop& loop, Task<T> task) {
  std::optional<T> result;
  auto run = [](Task<T> awaited, std::optional<T>& out) -> Task<> {
    auto value = co_await std::move(awaited);
    out.emplace(std::move(value));
  };
  block_on(loop, run(std::move(task), result));
  return *std::move(result);
}

}  // namespace dorsal::io
