// Carries out the steps that failover decides on. Internal to this folder.
#pragma once

#include <string>

#include "base/counters.h"
#include "base/deadline.h"
#include "base/result.h"
#include "core/failover/decide.h"
#include "edge/coord/cluster_store.h"
#include "edge/instance/instance.h"
#include "edge/io/loop.h"
#include "edge/io/scope.h"
#include "edge/io/task.h"
#include "service/agent/rests.h"

namespace dorsal::agent {

// What the store said last, and what this process did since; the View is made of it.
struct Memory {
  cluster::Topology topology;
  coord::Revision leadership_revision;
  bool store_answers = false;
  std::optional<failover::Lease> lease;
  std::optional<TimePoint> renewal_tried;
  failover::Job job = failover::Job::None;
  Rests rests;
  int starts_without_answer = 0;
};

class Driver {
 public:
  // All outlive the Driver; the scope's tasks end before it.
  Driver(io::Loop& loop, coord::ClusterStore& store, instance::Instance& instance, io::Scope& jobs)
      : loop_(loop), store_(store), instance_(instance), jobs_(jobs) {}

  // True when it was done, so that the next look is worth taking at once. What failed rests for a
  // while. Reads the boot clock once more for the lease, as it counts from when a renewal is sent.
  io::Task<bool> carry_out(failover::Step step,
                           failover::View view,
                           TimePoint (*boot)(),
                           std::int64_t wall_ms);

  Memory memory;

 private:
  io::Task<Result<void>> act(const failover::Step& step,
                             const failover::View& view,
                             Deadline deadline);
  io::Task<Result<void>> fence();
  io::Task<Result<void>> hold_leadership(cluster::Leadership next, TimePoint (*boot)());
  Result<void> start(const failover::View& view);
  Result<void> begin_job(const failover::Step& step,
                         const failover::View& view,
                         TimePoint (*boot)());
  io::Task<> run_job(failover::Action action, instance::Peer peer, TimePoint (*boot)());

  io::Loop& loop_;
  coord::ClusterStore& store_;
  instance::Instance& instance_;
  io::Scope& jobs_;
};

}  // namespace dorsal::agent
