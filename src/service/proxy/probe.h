// Asks the primary how far it has come, once for all reads that wait for the answer.
//
// For strong reads, and for finding the position again after a statement failed that may have
// committed something. One for each loop.
#pragma once

#include <memory>

#include "base/deadline.h"
#include "base/result.h"
#include "core/routing/position.h"
#include "edge/client/connection.h"
#include "edge/io/task.h"
#include "service/proxy/shared_question.h"

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
  friend SharedQuestion<routing::Position, PrimaryProbe>;
  io::Task<Result<routing::Position>> ask();

  LoopContext& context_;
  std::unique_ptr<client::Connection> connection_;
  Server* connected_to_ = nullptr;
  SharedQuestion<routing::Position, PrimaryProbe> question_;
};

}  // namespace dorsal::proxy
