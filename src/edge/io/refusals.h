// Counts the operations that a loop's cancelled tasks began all the same (see task.h).
#pragma once

#include <asio/error.hpp>
#include <asio/system_error.hpp>
#include <exception>

#include "base/result.h"

namespace dorsal::io {

class Refusals {
 public:
  // To be called for each refused operation. Empty, or the exception that ends a task that does not
  // heed its cancellation.
  std::exception_ptr next() {
    if (++in_a_row_ < kLimit) return nullptr;
    asio::error_code aborted = asio::error::operation_aborted;
    return std::make_exception_ptr(asio::system_error(aborted, "the task was cancelled"));
  }

  // The answer to a refused operation that returns a Result, or that exception.
  Error refuse() {
    if (auto exception = next()) std::rethrow_exception(exception);
    return unavailable("cancelled");
  }

  // A task has ended: there is progress.
  void reset() { in_a_row_ = 0; }

 private:
  static constexpr int kLimit = 1000;
  int in_a_row_ = 0;
};

}  // namespace dorsal::io
