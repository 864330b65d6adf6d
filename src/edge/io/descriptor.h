// A file descriptor that a loop watches, and operations that wait for it to become ready.
//
// This file and descriptor.cc are the only ones that use the inside of Asio (its reactor, as of
// 1.22). Asio's own operations cannot do with the fewest system calls: a read on a socket tries
// recv() before each wait, and a wait for readability re-arms epoll each time. Here an operation
// says itself whether the descriptor is drained; if so the next one waits for an edge right away.
//
// For the classes of this folder.
#pragma once

// The reactor's own header relies on that of io_context.
// clang-format off
#include <asio/io_context.hpp>
#include <asio/detail/reactor.hpp>
// clang-format on
#include <asio/detail/reactor_op.hpp>
#include <cstddef>
#include <exception>
#include <optional>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/loop.h"
#include "edge/io/stream.h"
#include "edge/io/task.h"
#include "edge/io/watchdog.h"

namespace dorsal::io {

class Operation;

enum class Direction {
  Read = asio::detail::reactor::read_op,
  Write = asio::detail::reactor::write_op
};

class Descriptor {
 public:
  // The loop outlives the Descriptor.
  explicit Descriptor(Loop& loop);
  // Closes; no operation is under way.
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  // Takes the descriptor over and makes it non-blocking; closes it on failure.
  Result<void> open(int descriptor);

  // Operations under way end with Unavailable "the connection is closed".
  void close();

  // Gives the descriptor back; no operation is under way.
  int release();

  int native_handle() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  bool is_busy(Direction direction) const { return pending_[direction == Direction::Write]; }
  Loop& loop() { return loop_; }

  // Runs the operation, which is not under way and outlives the await. Refuses when cancelled.
  Task<Result<std::size_t>> run(Operation& operation, Deadline deadline, Precision precision);

  // Waits until poll() says it is ready. One such wait, or other operation, for each direction.
  Task<Result<void>> wait(Direction direction,
                          Deadline deadline,
                          Precision precision = Precision::Coarse);

 private:
  friend class Operation;

  Operation*& pending(Direction direction) { return pending_[direction == Direction::Write]; }

  Loop& loop_;
  asio::detail::reactor& reactor_;
  asio::detail::reactor::per_descriptor_data registration_ = nullptr;
  int descriptor_ = -1;
  Operation* pending_[2] = {nullptr, nullptr};
};

// What is to be done when the descriptor is ready. Reusable, one run at a time.
class Operation : private asio::detail::reactor_op, private Watchdog::Entry {
 public:
  enum class Progress {
    NotYet,   // it would block
    Done,     // there may be more to do at once
    Drained,  // done, and the next attempt would certainly block
  };

  Operation(Descriptor& descriptor, Direction direction);
  bool is_under_way() const { return handler_.has_value(); }

 protected:
  ~Operation() override;

  // Tries without blocking. after_edge: epoll has just reported the descriptor ready. Sets
  // transferred, or failure.
  virtual Progress attempt(bool after_edge) = 0;

  // True when the descriptor is ready although epoll has not said so; asked once in a long wait.
  virtual bool is_ready_unnoticed() { return false; }

  Descriptor& descriptor_;
  std::size_t transferred_ = 0;
  std::optional<Error> failure_;

 private:
  friend class Descriptor;
  friend class asio::detail::op_queue_access;
  using Handler =
      asio::async_result<UseTask, void(std::exception_ptr, Result<std::size_t>)>::handler_type;
  enum class Stop { None, Expired, Cancelled, Closed, Retry };

  void start(Handler handler, Deadline deadline, Precision precision);
  void submit();
  void refuse(Stop why);
  void stop(Stop why);
  void finish();
  Result<std::size_t> outcome();
  void expired() override { stop(Stop::Expired); }
  void probe() override;

  static status perform(reactor_op* base);
  static void complete(void* owner,
                       asio::detail::operation* base,
                       const asio::error_code& error,
                       std::size_t bytes);

  Direction direction_;
  Stop stop_ = Stop::None;
  bool is_submitting_ = false;
  std::optional<Handler> handler_;
  Deadline deadline_ = Deadline::never();
};

}  // namespace dorsal::io
