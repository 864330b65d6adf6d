#include "service/proxy/wait_turns.h"

namespace dorsal::proxy {

WaitTurn& WaitTurn::operator=(WaitTurn&& other) noexcept {
  release();
  turns_ = std::exchange(other.turns_, nullptr);
  server_ = other.server_;
  return *this;
}

void WaitTurn::release() {
  if (turns_ == nullptr) return;
  auto& turn = std::exchange(turns_, nullptr)->turn_of(server_);
  turn.is_taken = false;
  turn.released.notify_all();
}

WaitTurns::Turn& WaitTurns::turn_of(std::size_t server) {
  return turns_.try_emplace(server, loop_).first->second;
}

bool WaitTurns::try_take(std::size_t server, WaitTurn& turn) {
  Turn& wanted = turn_of(server);
  if (wanted.is_taken) return false;
  wanted.is_taken = true;
  turn = WaitTurn(this, server);
  return true;
}

io::Task<bool> WaitTurns::released(std::size_t server, Deadline deadline) {
  const bool was_released = co_await turn_of(server).released.wait(deadline);
  co_return was_released;
}

}  // namespace dorsal::proxy
