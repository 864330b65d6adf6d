#include "core/failover/broken_replication.h"

namespace dorsal::failover {

namespace {

using cluster::Receiver;

// For longer than it takes to be started again, and to come upon its error once more.
constexpr auto kIsWellAfter = std::chrono::seconds(15);

bool has_stopped_with_error(const cluster::Following& following) {
  const bool applier = !following.applier_runs && following.applier_error != 0;
  const bool receiver = following.receiver == Receiver::Off && following.receiver_error != 0;
  return applier || receiver;
}

}  // namespace

std::optional<TimePoint> BrokenReplication::note(const cluster::Server& server, TimePoint now) {
  if (!server.facts) return since_;
  const auto& following = server.facts->following;
  if (!following || (since_ && server.facts->executed != executed_)) since_.reset();
  const bool runs = following && following->applier_runs && following->receiver != Receiver::Off;
  if (!runs) runs_since_.reset();
  if (runs && !runs_since_) runs_since_ = now;
  if (runs && now - *runs_since_ >= kIsWellAfter) since_.reset();
  if (following && has_stopped_with_error(*following) && !since_) {
    since_ = now;
    executed_ = server.facts->executed;
  }
  return since_;
}

}  // namespace dorsal::failover
