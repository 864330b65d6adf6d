// Carries out the steps that failover decides on. Internal to this folder.
#pragma once

#include <functional>
#include <string>

#include "base/counters.h"
#include "base/deadline.h"
#include "base/result.h"
#include "core/failover/decide.h"
#include "edge/coord/cluster_store.h"
#include "edge/instance/instance.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"
#include "edge/io/scope.h"
#include "edge/io/task.h"
#include "edge/peers/peers.h"
#include "service/agent/rests.h"

namespace dorsal::agent {

// What the store said last, and what this process did since; the View is made of it.
struct Memory {
  cluster::Topology topology;
  coord::Revision leadership_revision;
  bool store_answers = false;
  std::optional<failover::Lease> lease;
  std::optional<cluster::Term> promised;  // the highest that was sent to the store
  std::optional<TimePoint> renewal_tried;
  bool renewal_failed = false;  // as in the View
  failover::Job job = failover::Job::None;
  Rests rests;
  int starts_without_answer = 0;
  int failed_starts = 0;                   // as in the View
  std::string failure;                     // of the newest step; empty: it succeeded
  TimePoint renewal_seen;                  // when the lease was last seen to have been renewed
  std::optional<TimePoint> silent_since;   // the server
  std::optional<TimePoint> storage_since;  // as in the View
  std::optional<TimePoint> closed_since;   // as in the View
  TimePoint phase_seen;                    // as in the View
  std::int64_t restarted_ms = 0;           // as in the View
  std::int64_t rebuilt_ms = 0;
  bool is_fencing = false;
  std::uint64_t starts = 0;  // of the server
};

// It runs beside the ticks, and may take long.
bool is_job(failover::Action action);

struct JobEnd {
  std::string rule;
  std::string what;    // for people to read
  std::string failed;  // why; empty: it succeeded
  Duration took{};
};

class Driver {
 public:
  // All outlive the Driver; the scope's tasks end before it. `ended` is set when a job has ended.
  Driver(io::Loop& loop,
         coord::ClusterStore& store,
         instance::Instance& instance,
         io::Scope& jobs,
         io::Event& ended,
         const failover::Policy& policy)
      : loop_(loop),
        store_(store),
        instance_(instance),
        jobs_(jobs),
        ended_(ended),
        policy_(policy) {}

  // True when it was done, so that the next look is worth taking at once. What failed rests for a
  // while. Reads the boot clock once more for the lease, as it counts from when a renewal is sent.
  io::Task<bool> carry_out(failover::Step step,
                           failover::View view,
                           TimePoint (*boot)(),
                           std::int64_t wall_ms);

  Memory memory;

  // Of each job that has begun, unless it is cancelled. May be empty.
  std::function<void(JobEnd)> on_job_end;

  // For questions to the other members; null: none can be asked. Outlives the Driver.
  peers::Peers* peers = nullptr;

  // Takes no more writes, or kills. At any time; Conflict while one is under way.
  io::Task<Result<void>> fence(TimePoint now);

 private:
  io::Task<Result<void>> act(const failover::Step& step,
                             const failover::View& view,
                             Deadline deadline);
  io::Task<> record_origins();
  io::Task<Result<void>> await_applier(mysql::GtidSet transactions);
  io::Task<Result<void>> ask_members(const failover::View& view, TimePoint (*boot)());
  io::Task<Result<void>> change_leadership(const failover::Step& step,
                                           const failover::View& view,
                                           TimePoint (*boot)(),
                                           std::int64_t wall_ms);
  io::Task<Result<void>> start(const failover::View& view);
  Result<void> begin_job(const failover::Step& step,
                         const failover::View& view,
                         TimePoint (*boot)());
  io::Task<> run_job(failover::Step step, instance::Peer peer, TimePoint (*boot)());

  io::Loop& loop_;
  coord::ClusterStore& store_;
  instance::Instance& instance_;
  io::Scope& jobs_;
  io::Event& ended_;
  const failover::Policy& policy_;
};

}  // namespace dorsal::agent
