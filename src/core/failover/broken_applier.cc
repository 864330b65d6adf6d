#include "core/failover/broken_applier.h"

namespace dorsal::failover {

namespace {

// For longer than it takes to be started again, and to come upon its error once more.
constexpr auto kIsWellAfter = std::chrono::seconds(15);

}  // namespace

std::optional<TimePoint> BrokenApplier::note(const cluster::Server& server, TimePoint now) {
  if (!server.facts) return since_;
  const auto& following = server.facts->following;
  if (!following || (since_ && server.facts->executed != executed_)) since_.reset();
  const bool runs = following && following->applier_runs;
  if (!runs) runs_since_.reset();
  if (runs && !runs_since_) runs_since_ = now;
  if (runs && now - *runs_since_ >= kIsWellAfter) since_.reset();
  if (following && !runs && following->applier_error != 0 && !since_) {
    since_ = now;
    executed_ = server.facts->executed;
  }
  return since_;
}

}  // namespace dorsal::failover
