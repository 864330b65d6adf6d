// Asks the primary how far it has come, once for all reads that wait for the answer.
//
// For strong reads, and for finding the position again after a statement failed that may have
// committed something. A read may use an answer only if the question was sent after the read
// began; so those who come while a question is under way share the next one. One for each loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/deadline.h"
#include "base/result.h"
#include "core/routing/position.h"
#include "edge/client/connection.h"
#include "edge/io/event.h"
#include "edge/io/scope.h"
#include "edge/io/task.h"

namespace dorsal::proxy {

struct LoopContext;
struct Server;

class PrimaryProbe {
 public:
  // The context outlives the probe.
  explicit PrimaryProbe(LoopContext& context);
  ~PrimaryProbe();

  // Everything that the primary had committed at some moment after this call began.
  io::Task<Result<routing::Position>> position(Deadline deadline);

  // Ends the task that asks. Call it on the loop, before the probe's end.
  io::Task<> stop();

 private:
  io::Task<> ask_while_wanted();
  io::Task<Result<routing::Position>> ask();

  LoopContext& context_;
  io::Scope scope_;
  io::Event answered_;
  std::unique_ptr<client::Connection> connection_;
  Server* connected_to_ = nullptr;
  bool is_asking_ = false;
  std::uint64_t wanted_ = 0;    // the newest question that somebody waits for
  std::uint64_t sent_ = 0;      // the newest question that was sent
  std::uint64_t finished_ = 0;  // the newest question whose outcome is in answer_
  Result<routing::Position> answer_ = unavailable("the primary has not been asked yet");
};

}  // namespace dorsal::proxy
