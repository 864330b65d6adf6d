#include "service/agent/driver.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "edge/io/endpoint.h"

namespace dorsal::agent {

using failover::Action;
using failover::Job;
using failover::Step;
using failover::View;
using io::Task;

namespace {

constexpr auto kStoreLimit = std::chrono::seconds(1);
constexpr auto kFenceLimit = std::chrono::seconds(2);
constexpr auto kActLimit = std::chrono::seconds(5);
constexpr auto kInitialiseLimit =
    std::chrono::minutes(10);  // a slow disk, and somebody's big redo log
constexpr auto kRestAfterFailure = std::chrono::seconds(1);
constexpr auto kRestAfterReplication = std::chrono::seconds(5);
constexpr int kMostDoublings = 4;

bool is_job(Action action) {
  return action == Action::Initialise || action == Action::StartOver || action == Action::Clone;
}

Job job_of(Action action) {
  if (action == Action::Initialise) return Job::Initialise;
  return action == Action::StartOver ? Job::StartOver : Job::Clone;
}

Result<instance::Peer> peer_of(const Step& step, const View& view) {
  DORSAL_CHECK(step.peer);
  const cluster::Node* node = view.topology.find(*step.peer);
  DORSAL_CHECK(node != nullptr);
  DORSAL_TRY(io::Endpoint endpoint, io::parse_endpoint(node->member.address));
  return instance::Peer{endpoint.host, endpoint.port};
}

}  // namespace

Task<bool> Driver::carry_out(Step step, View view, TimePoint (*boot)(), std::int64_t wall_ms) {
  const Action action = step.action;
  if (action == Action::Keep) co_return false;
  Result<void> outcome;
  if (action == Action::Renew || action == Action::Lead) {
    cluster::Leadership next = view.topology.leadership;
    if (action == Action::Lead) next.term = cluster::Term(1);
    next.primary = view.self;
    next.renewals += 1;
    next.renewed_ms = wall_ms;
    outcome = co_await hold_leadership(std::move(next), boot);
  } else if (action == Action::Start) {
    outcome = start(view);
  } else if (is_job(action)) {
    outcome = begin_job(step, view, boot);
  } else {
    const Deadline deadline = loop_.after(kActLimit);
    outcome = co_await act(step, view, deadline);
  }
  if (action == Action::StartReplication)
    memory.rests.rest(action, view.now + kRestAfterReplication);
  if (outcome) co_return action != Action::Start && !is_job(action);
  // A renewal has an interval of its own, and a start its growing one.
  if (action != Action::Renew && action != Action::Start) {
    memory.rests.rest(action, view.now + kRestAfterFailure);
  }
  log_warn("agent",
           "node={} rule={} action={} failed: {}",
           view.self.value(),
           step.rule,
           failover::to_string(action),
           outcome.error().message);
  co_return false;
}

Task<Result<void>> Driver::act(const Step& step, const View& view, Deadline deadline) {
  switch (step.action) {
    case Action::Fence:
      co_return co_await fence();
    case Action::UpdateMember: {
      cluster::Member member = *step.member;
      co_return co_await store_.update_member(std::move(member), deadline);
    }
    case Action::AcceptData:
      co_return co_await instance_.accept_data(deadline);
    case Action::RequireAcks:
      co_return co_await instance_.require_acks(deadline);
    case Action::OpenForWrites:
      co_return co_await instance_.open_for_writes(deadline);
    case Action::GiveAcks:
      co_return co_await instance_.give_acks(true, deadline);
    case Action::StopAcks:
      co_return co_await instance_.give_acks(false, deadline);
    case Action::StopReceiver:
      co_return co_await instance_.stop_receiver(deadline);
    case Action::StartApplier:
      co_return co_await instance_.start_applier(deadline);
    case Action::StopApplier:
      co_return co_await instance_.stop_applier(deadline);
    case Action::StartReplication:
      co_return co_await instance_.start_replication(deadline);
    case Action::ChangeSource: {
      DORSAL_CO_TRY(instance::Peer source, peer_of(step, view));
      co_return co_await instance_.change_source(std::move(source), deadline);
    }
    default:
      break;
  }
  DORSAL_CHECK(false);
}

// super_read_only can hang behind clients that wait for acknowledgements, and letting those go
// would tell them that their writes are safe; a killed server tells them nothing.
Task<Result<void>> Driver::fence() {
  const Deadline deadline = loop_.after(kFenceLimit);
  auto fenced = co_await instance_.fence(deadline);
  if (fenced) co_return fenced;
  log_error("agent",
            "mysqld did not become read-only in time and is killed: {}",
            fenced.error().message);
  co_await instance_.kill();
  co_return Result<void>();
}

Task<Result<void>> Driver::hold_leadership(cluster::Leadership next, TimePoint (*boot)()) {
  const Deadline deadline = loop_.after(kStoreLimit);
  failover::Lease lease;
  lease.sent = boot();
  memory.renewal_tried = lease.sent;
  cluster::Leadership sent = next;
  DORSAL_CO_TRY(coord::Revision revision,
                co_await store_.lead(std::move(sent), memory.leadership_revision, deadline));
  memory.leadership_revision = revision;
  memory.topology.leadership = std::move(next);
  memory.lease = lease;
  co_return Result<void>();
}

// A server that ends before it ever answers is started again after 1, 2, 4, … 16 seconds.
Result<void> Driver::start(const View& view) {
  const int doublings = std::min(memory.starts_without_answer++, kMostDoublings);
  memory.rests.rest(Action::Start, view.now + std::chrono::seconds(1 << doublings));
  return instance_.start();
}

Result<void> Driver::begin_job(const Step& step, const View& view, TimePoint (*boot)()) {
  instance::Peer peer;
  if (step.peer) {
    DORSAL_TRY(peer, peer_of(step, view));
  }
  memory.job = job_of(step.action);
  jobs_.spawn(run_job(step.action, std::move(peer), boot));
  return {};
}

Task<> Driver::run_job(Action action, instance::Peer peer, TimePoint (*boot)()) {
  const Deadline deadline = loop_.after(kInitialiseLimit);
  Result<void> outcome;
  if (action == Action::Initialise) outcome = co_await instance_.initialise(deadline);
  if (action == Action::StartOver) outcome = co_await instance_.start_over(deadline);
  if (action == Action::Clone) outcome = co_await instance_.clone_from(std::move(peer));
  memory.job = Job::None;
  if (outcome) {
    memory.rests.wake(Action::Start);
    co_return;
  }
  memory.rests.rest(action, boot() + kRestAfterFailure);
  log_warn("agent", "action={} failed: {}", failover::to_string(action), outcome.error().message);
}

}  // namespace dorsal::agent
