// A question to a server that many may want answered at once.
//
// An answer may be used only by those who came before its question was sent: what has changed since
// may be missing from it. So those who come while a question is under way share the next one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"
#include "edge/io/scope.h"
#include "edge/io/task.h"

namespace dorsal::proxy {

// For one loop. `Asker` has `io::Task<Result<T>> ask()`, of which one at a time is under way, and
// outlives this. After each question it may have `pause` before the next.
template <typename T, typename Asker>
class SharedQuestion {
 public:
  SharedQuestion(io::Loop& loop, Asker& asker, Duration pause = Duration::zero())
      : loop_(loop), asker_(asker), pause_(pause), scope_(loop), answered_(loop) {}

  // The answer to a question that was sent after this call began. `too_late` is the error when the
  // deadline passes.
  io::Task<Result<T>> answer(Deadline deadline, std::string_view too_late) {
    const std::uint64_t mine = sent_ + 1;
    if (wanted_ < mine) wanted_ = mine;
    if (!is_asking_) {
      is_asking_ = true;
      scope_.spawn(ask_while_wanted());
    }
    while (finished_ < mine) {
      const bool woken = co_await answered_.wait(deadline);
      if (!woken) co_return timeout(std::string(too_late));
    }
    co_return *answer_;
  }

  // Ends the task that asks. Call it on the loop, before the end.
  io::Task<> stop() { co_await scope_.cancel_and_join(); }

 private:
  io::Task<> ask_while_wanted() {
    while (finished_ < wanted_) {
      const bool is_over = co_await io::cancelled();
      if (is_over) break;
      const std::uint64_t question = ++sent_;
      answer_ = co_await asker_.ask();
      finished_ = question;
      answered_.notify_all();
      if (pause_ > Duration::zero()) {
        const Deadline next = loop_.after(pause_);
        co_await loop_.sleep_until(next);
      }
    }
    is_asking_ = false;
  }

  io::Loop& loop_;
  Asker& asker_;
  const Duration pause_;
  io::Scope scope_;
  io::Event answered_;
  bool is_asking_ = false;
  std::uint64_t wanted_ = 0;         // the newest question that somebody waits for
  std::uint64_t sent_ = 0;           // the newest question that was sent
  std::uint64_t finished_ = 0;       // the newest question whose outcome is in answer_
  std::optional<Result<T>> answer_;  // once one has finished
};

}  // namespace dorsal::proxy
