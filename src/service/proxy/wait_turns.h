// Whose turn it is to ask a server for a position. Of all who wait for one server on one loop only
// one has a wait running there: what its answer tells may be enough for the others, and if it is
// not, one of them is next. A server that lags does not fill up with waits.
#pragma once

#include <cstddef>
#include <map>
#include <utility>

#include "base/deadline.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::proxy {

class WaitTurns;

// The turn, until it is released or destroyed. It does not outlive the WaitTurns.
class WaitTurn {
 public:
  WaitTurn() = default;
  ~WaitTurn() { release(); }
  WaitTurn(WaitTurn&& other) noexcept
      : turns_(std::exchange(other.turns_, nullptr)), server_(other.server_) {}
  WaitTurn& operator=(WaitTurn&& other) noexcept;

  bool is_held() const { return turns_ != nullptr; }

  // Lets the others see for themselves, and one of them go on.
  void release();

 private:
  friend class WaitTurns;
  WaitTurn(WaitTurns* turns, std::size_t server) : turns_(turns), server_(server) {}

  WaitTurns* turns_ = nullptr;
  std::size_t server_ = 0;
};

class WaitTurns {
 public:
  // The loop outlives it.
  explicit WaitTurns(io::Loop& loop) : loop_(loop) {}

  // Gives the turn at once, if nobody has it.
  bool try_take(std::size_t server, WaitTurn& turn);

  // Returns when the turn was released, though another may have it again by then. False: the
  // deadline passed, or the task was cancelled.
  io::Task<bool> released(std::size_t server, Deadline deadline);

 private:
  friend class WaitTurn;
  struct Turn {
    explicit Turn(io::Loop& loop) : released(loop) {}
    bool is_taken = false;
    io::Event released;
  };
  Turn& turn_of(std::size_t server);

  io::Loop& loop_;
  std::map<std::size_t, Turn> turns_;  // nodes keep their addresses
};

}  // namespace dorsal::proxy
