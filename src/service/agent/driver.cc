#include "service/agent/driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "edge/io/endpoint.h"
#include "service/agent/peer_watch.h"

namespace dorsal::agent {

using failover::Action;
using failover::Job;
using failover::Step;
using failover::View;
using io::Task;

namespace {

constexpr auto kStoreLimit = std::chrono::seconds(1);
constexpr auto kFenceLimit = std::chrono::seconds(2);
constexpr auto kLeastFenceLimit = std::chrono::milliseconds(100);
constexpr auto kActLimit = std::chrono::seconds(5);
constexpr auto kRememberLimit = std::chrono::milliseconds(500);  // an election does not wait longer
constexpr auto kAwaitLimit = std::chrono::milliseconds(200);
constexpr auto kCloseLimit = std::chrono::seconds(3);  // beyond the drain
constexpr auto kOriginsLimit = std::chrono::seconds(60);
constexpr auto kStopLimit = std::chrono::seconds(25);  // of a clean shutdown
constexpr auto kJobLimit = std::chrono::minutes(10);   // a slow disk, and somebody's big redo log
constexpr auto kRestAfterFailure = std::chrono::seconds(1);
constexpr auto kRestAfterReplication = std::chrono::seconds(5);
constexpr int kMostDoublings = 4;

// What runs beside the ticks.
Job job_of(Action action) {
  switch (action) {
    case Action::Initialise:
      return Job::Initialise;
    case Action::StartOver:
      return Job::StartOver;
    case Action::SaveStrays:
      return Job::SaveStrays;
    case Action::DropData:
      return Job::DropData;
    case Action::SetDataAside:
      return Job::SetDataAside;
    case Action::Clone:
      return Job::Clone;
    case Action::CloseForWrites:
      return Job::CloseForWrites;
    default:
      return Job::None;
  }
}

Result<instance::Peer> peer_of(const Step& step, const View& view) {
  DORSAL_CHECK(step.peer);
  const cluster::Node* node = view.topology.find(*step.peer);
  DORSAL_CHECK(node != nullptr);
  DORSAL_TRY(io::Endpoint endpoint, io::parse_endpoint(node->member.address));
  return instance::Peer{endpoint.host, endpoint.port};
}

}  // namespace

bool is_job(Action action) { return job_of(action) != Job::None; }

Task<bool> Driver::carry_out(Step step, View view, TimePoint (*boot)(), std::int64_t wall_ms) {
  const Action action = step.action;
  memory.failure.clear();
  if (action == Action::Keep) co_return false;
  Result<void> outcome;
  if (action == Action::AskMembers) {
    outcome = co_await ask_members(view, boot);
  } else if (failover::changes_leadership(action)) {
    outcome = co_await change_leadership(step, view, boot, wall_ms);
  } else if (action == Action::Start) {
    outcome = co_await start(view);
  } else if (is_job(action)) {
    outcome = begin_job(step, view, boot);
  } else {
    const Deadline deadline = loop_.after(kActLimit);
    outcome = co_await act(step, view, deadline);
  }
  if (action == Action::StartReplication || action == Action::StartReceiver)
    memory.rests.rest(action, view.now + kRestAfterReplication);
  if (outcome) co_return action != Action::Start && !is_job(action);
  memory.failure = outcome.error().message;
  // A renewal has an interval of its own, and a start its growing one. Who lost a race in the store
  // looks again at once.
  if (failover::changes_leadership(action) && outcome.error().kind == ErrorKind::Conflict)
    co_return false;
  const bool has_own_interval =
      action == Action::Renew || action == Action::AskMembers || action == Action::Start;
  if (!has_own_interval) {
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
      co_return co_await fence(view.now);
    case Action::Kill:
      co_await instance_.kill();
      co_return Result<void>();
    case Action::Promise: {
      cluster::NodeName name = view.self;
      cluster::Promise promise = *step.promise;
      memory.promised = std::max(memory.promised, std::optional(promise.term));
      co_return co_await store_.promise(std::move(name), std::move(promise), deadline);
    }
    case Action::Remember: {
      cluster::Remembered remembered = *step.remembered;
      const Deadline limit = loop_.after(kRememberLimit);
      co_return co_await instance_.remember(std::move(remembered), limit);
    }
    case Action::ForgetSource:
      DORSAL_CO_TRY_VOID(co_await instance_.forget_source(deadline));
      jobs_.spawn(record_origins());
      co_return Result<void>();
    case Action::UpdateMember: {
      cluster::Member member = *step.member;
      co_return co_await store_.update_member(std::move(member), deadline);
    }
    case Action::AcceptData:
      co_return co_await instance_.accept_data(deadline);
    case Action::RequireAcks:
      co_return co_await instance_.require_acks(step.acks, deadline);
    case Action::StopRequiringAcks:
      co_return co_await instance_.stop_requiring_acks(deadline);
    case Action::OpenForWrites:
      co_return co_await instance_.open_for_writes(deadline);
    case Action::GiveAcks:
      co_return co_await instance_.give_acks(true, deadline);
    case Action::StopAcks:
      co_return co_await instance_.give_acks(false, deadline);
    case Action::SyncRelayLog:
      co_return co_await instance_.sync_relay_log(true, deadline);
    case Action::StopSyncing:
      co_return co_await instance_.sync_relay_log(false, deadline);
    case Action::StartReceiver:
      co_return co_await instance_.start_receiver(deadline);
    case Action::StopReceiver:
      co_return co_await instance_.stop_receiver(deadline);
    case Action::StartApplier:
      co_return co_await instance_.start_applier(deadline);
    case Action::StopApplier:
      co_return co_await instance_.stop_applier(deadline);
    case Action::Restart: {
      const Deadline end = loop_.after(kStopLimit);
      co_await instance_.stop(end);
      memory.restarted_ms = std::max(memory.restarted_ms, step.asked_ms);
      co_return Result<void>();
    }
    case Action::AwaitApplier:
      co_return co_await await_applier(*step.awaited);
    case Action::ForgetMember: {
      cluster::NodeName name = *step.peer;
      co_return co_await store_.forget_member(std::move(name), deadline);
    }
    case Action::StartReplication:
      co_return co_await instance_.start_replication(deadline);
    case Action::ChangeSource: {
      DORSAL_CO_TRY(instance::Peer source, peer_of(step, view));
      // What did not go with another source.
      memory.rests.wake(Action::StartReceiver);
      memory.rests.wake(Action::StartReplication);
      co_return co_await instance_.change_source(std::move(source), deadline);
    }
    default:
      break;
  }
  DORSAL_CHECK(false);
}

// super_read_only can hang behind clients that wait for acknowledgements, and letting those go
// would tell them that their writes are safe; a killed server tells them nothing.
// And it must be over with the lease: from then on another server may take writes that reads here
// would miss.
Task<Result<void>> Driver::fence(TimePoint now) {
  if (std::exchange(memory.is_fencing, true)) co_return conflict("it is being fenced already");
  Duration limit = kFenceLimit;
  if (memory.lease) {
    const Duration left = memory.lease->sent + policy_.lease_ttl - now;
    limit = std::clamp<Duration>(left, kLeastFenceLimit, kFenceLimit);
  }
  const Deadline deadline = loop_.after(limit);
  const std::uint64_t starts = memory.starts;
  auto fenced = co_await instance_.fence(deadline);
  // It may have been killed and started anew meanwhile, and is closed then.
  if (!fenced && starts == memory.starts) {
    log_error("agent",
              "mysqld did not become read-only in time and is killed: {}",
              fenced.error().message);
    co_await instance_.kill();
  }
  memory.is_fencing = false;
  co_return Result<void>();
}

// Beside the ticks: nobody waits for it but clients whose answers were lost.
Task<> Driver::record_origins() {
  const Deadline deadline = loop_.after(kOriginsLimit);
  const auto recorded = co_await instance_.record_origins(deadline);
  if (!recorded) {
    log_warn("agent", "who committed what is not known: {}", recorded.error().message);
  } else {
    log_debug("agent", "commits={} of the old primary are known by their connections", *recorded);
  }
}

// Short, as something else may have become more important meanwhile.
Task<Result<void>> Driver::await_applier(mysql::GtidSet transactions) {
  const Deadline deadline = loop_.after(kAwaitLimit);
  const auto outcome = co_await instance_.await_applied(std::move(transactions), deadline);
  if (!outcome && outcome.error().kind != ErrorKind::Timeout) co_return outcome;
  co_return Result<void>();
}

// Whoever is not asked, or does not answer in time, does not agree.
Task<Result<void>> Driver::ask_members(const View& view, TimePoint (*boot)()) {
  failover::Lease lease;
  lease.sent = boot();
  memory.renewal_tried = lease.sent;
  memory.renewal_failed = false;
  const OtherAgents others = other_agents(view.topology, view.self);
  if (!others.unknown.empty()) {
    co_return unavailable(fmt::format("{} has told no address", others.unknown.front().value()));
  }
  cluster::Claim claim{view.topology.charter.uuid, view.self, view.topology.leadership.term};
  const Deadline deadline = loop_.after(policy_.renew_every());
  std::vector<peers::PeerAddress> asked = others.reachable;
  const auto answers =
      co_await peers::ask_all(loop_, *peers, std::move(asked), std::move(claim), deadline);
  for (const auto& answer : answers) {
    if (!answer) co_return answer.error();
    if (!answer->agrees()) co_return conflict(answer->reason);
  }
  memory.lease = lease;
  co_return Result<void>();
}

Task<Result<void>> Driver::change_leadership(const Step& step,
                                             const View& view,
                                             TimePoint (*boot)(),
                                             std::int64_t wall_ms) {
  const Deadline deadline = loop_.after(kStoreLimit);
  const cluster::Leadership next = failover::leadership_after(step, view, policy_, wall_ms);
  failover::Lease lease;
  lease.sent = boot();
  const bool holds = step.action == Action::Renew || step.action == Action::Lead;
  if (holds) memory.renewal_tried = lease.sent;
  memory.renewal_failed = memory.renewal_failed || step.action == Action::Renew;
  cluster::Leadership sent = next;
  DORSAL_CO_TRY(coord::Revision revision,
                co_await store_.lead(std::move(sent), memory.leadership_revision, deadline));
  memory.leadership_revision = revision;
  memory.topology.leadership = next;
  if (holds) memory.lease = lease;
  if (holds) memory.renewal_failed = false;
  co_return Result<void>();
}

// A server that ends before it ever answers is started again after 1, 2, 4, … 16 seconds.
Task<Result<void>> Driver::start(const View& view) {
  const int doublings = std::min(memory.starts_without_answer++, kMostDoublings);
  memory.rests.rest(Action::Start, view.now + std::chrono::seconds(1 << doublings));
  ++memory.failed_starts;
  ++memory.starts;
  co_return co_await instance_.start();
}

Result<void> Driver::begin_job(const Step& step, const View& view, TimePoint (*boot)()) {
  instance::Peer peer;
  if (step.peer) {
    DORSAL_TRY(peer, peer_of(step, view));
  }
  memory.job = job_of(step.action);
  jobs_.spawn(run_job(step, std::move(peer), boot));
  return {};
}

Task<> Driver::run_job(Step step, instance::Peer peer, TimePoint (*boot)()) {
  const Action action = step.action;
  const Deadline deadline = loop_.after(kJobLimit);
  const TimePoint begun = loop_.now();
  JobEnd end_of_job{std::string(step.rule), step.activity + ": done", {}, {}};
  Result<void> outcome;
  if (action == Action::Initialise) outcome = co_await instance_.initialise(deadline);
  if (action == Action::StartOver) outcome = co_await instance_.start_over(deadline);
  if (action == Action::SaveStrays) {
    const auto kept = co_await instance_.save_strays(std::move(*step.strays), deadline);
    if (kept) log_warn("agent", "rule={} {}", step.rule, *kept);
    if (kept) end_of_job.what = *kept;
    if (!kept) outcome = kept.error();
  }
  if (action == Action::SetDataAside) outcome = co_await instance_.set_data_aside(deadline);
  if (action == Action::DropData) outcome = co_await instance_.drop_data(deadline);
  if (action == Action::Clone) outcome = co_await instance_.clone_from(std::move(peer));
  if (action == Action::CloseForWrites) {
    const Deadline end = loop_.after(step.drain + kCloseLimit);
    outcome = co_await instance_.close_for_writes(step.drain, end);
  }
  if (action == Action::SetDataAside && outcome) {
    memory.starts_without_answer = memory.failed_starts = 0;
  }
  if (action == Action::DropData && outcome) memory.rebuilt_ms = step.asked_ms;
  memory.job = Job::None;
  ended_.set();
  end_of_job.took = loop_.now() - begun;
  if (!outcome) end_of_job.failed = outcome.error().message;
  if (!outcome) end_of_job.what = step.activity;
  if (on_job_end) on_job_end(std::move(end_of_job));
  if (outcome) {
    memory.rests.wake(Action::Start);
    co_return;
  }
  memory.rests.rest(action, boot() + kRestAfterFailure);
  log_warn("agent", "action={} failed: {}", failover::to_string(action), outcome.error().message);
}

}  // namespace dorsal::agent
