#include "service/agent/agent.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "core/cluster/remote_clock.h"
#include "core/cluster/silence.h"
#include "core/failover/ack_watch.h"
#include "core/failover/broken_replication.h"
#include "core/failover/lag.h"
#include "core/failover/node_state.h"
#include "core/failover/settled.h"
#include "edge/io/clock.h"
#include "edge/io/event.h"
#include "edge/io/scope.h"
#include "service/agent/diary.h"
#include "service/agent/driver.h"
#include "service/agent/heart.h"
#include "service/agent/hooks.h"

namespace dorsal::agent {

using cluster::NodeState;
using failover::Action;
using failover::Step;
using failover::View;
using io::Task;

namespace {

constexpr auto kStoreLimit = std::chrono::seconds(1);
constexpr auto kLookLimit = std::chrono::seconds(1);
constexpr auto kRetryStore = std::chrono::milliseconds(500);
constexpr auto kWatchLimit = std::chrono::seconds(10);
constexpr auto kStopLimit = std::chrono::seconds(25);
constexpr auto kFenceLimit = std::chrono::seconds(2);
constexpr auto kLastHooksLimit = std::chrono::seconds(5);
constexpr int kMostStepsInATick = 20;

// Done all the time, and nothing to tell of.
bool is_routine(Action action) {
  return action == Action::Renew || action == Action::AskMembers || action == Action::Remember;
}

// Since when something has been so without a break; empty: it is not so.
void note_since(std::optional<TimePoint>& since, bool is_so, TimePoint now) {
  if (!is_so) since.reset();
  if (is_so && !since) since = now;
}

std::int64_t in_ms(Duration span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

bool is_alarm(std::string_view rule) {
  return rule.starts_with("refuse_") || rule.starts_with("alarm_");
}

}  // namespace

Clocks real_clocks() { return Clocks{io::boot_now, io::wall_ms}; }

struct Agent::Impl {
  Impl(Options options_,
       io::Loop& loop_,
       coord::ClusterStore& store_,
       instance::Instance& instance_,
       Counters& counters_)
      : options(std::move(options_)),
        loop(loop_),
        store(store_),
        instance(instance_),
        counters(counters_),
        scope(loop_),
        wake(loop_),
        driver(loop_, store_, instance_, scope, wake, options.policy),
        heart(loop_, instance_, scope, options.clocks.wall_ms) {
    driver.on_job_end = [this](JobEnd end) { note_job_end(std::move(end)); };
    if (!options.hook.empty() || options.webhook) {
      hooks.emplace(loop, HookOptions{options.hook, options.webhook}, counters, labels());
    }
  }

  Options options;
  io::Loop& loop;
  coord::ClusterStore& store;
  instance::Instance& instance;
  Counters& counters;
  io::Scope scope;  // the job, the heartbeat and the watches
  io::Event wake;   // something may have happened that is worth a tick
  Driver driver;
  bool stop_requested = false;
  bool has_process = false;
  bool may_be_writable = false;  // the server, when it was last looked at
  Heart heart;
  std::optional<Diary> diary;
  std::optional<Hooks> hooks;
  std::optional<mysql::GtidSet> goal;
  cluster::Silence silence;
  cluster::PrimaryClock primary_clock;
  failover::BrokenReplication broken_replication;
  failover::AckWatch acks;
  failover::Lag lag;
  failover::Settled settled;
  NodeState current;  // also while the store is out of reach
  NodeState published;
  std::optional<TimePoint> published_at;
  TimePoint end_of_lease;  // of the primary's, as it was seen to be renewed
  std::string activity;
  std::string logged_rule;
  std::string kept_by;  // the newest rule that kept things as they are
  cluster::Role logged_role = cluster::Role::Down;

  template <typename T>
  Task<Result<T>> insist(Task<Result<T>> (Impl::*ask)());
  Task<Result<std::optional<std::string>>> cluster_to_join();
  Task<Result<instance::Identity>> join();
  Task<> watch_store();
  Task<> wake_at_news();
  Task<> watch_process();
  Task<> watch_lease();
  Task<> read_store();
  Task<View> look();
  void set_goal(View& view);
  Task<bool> take_step();
  void log_change(const Step& step, const View& view);
  void tell_hooks(cluster::Role before, cluster::Role role, std::string rule);
  bool is_noteworthy(const Step& step) const;
  cluster::Event event_of(const Step& step, const View& view) const;
  void note_job_end(JobEnd end);
  void count(const Step& step, const View& view);
  Task<> publish(const View& view);
  Counters::Labels labels() const { return {{"node", options.node.value()}}; }
};

Agent::Agent(Options options,
             io::Loop& loop,
             coord::ClusterStore& store,
             instance::Instance& instance,
             Counters& counters)
    : impl_(std::make_unique<Impl>(std::move(options), loop, store, instance, counters)) {}
Agent::~Agent() = default;

void Agent::ask_through(peers::Peers& peers) { impl_->driver.peers = &peers; }

void Agent::keep_diary_in(coord::EventStore& events) { impl_->diary.emplace(impl_->loop, &events); }

cluster::Agreement Agent::agree(const cluster::Claim& claim) {
  const cluster::Agreement agreement = failover::agree(claim, knowledge());
  if (agreement.agrees()) impl_->driver.memory.renewal_seen = impl_->options.clocks.boot();
  return agreement;
}

void Agent::request_stop() { impl_->stop_requested = true; }

const cluster::Topology& Agent::topology() const { return impl_->driver.memory.topology; }
const NodeState& Agent::state() const { return impl_->current; }

failover::Knowledge Agent::knowledge() const {
  failover::Knowledge known;
  known.cluster = topology().charter.uuid;
  known.self = impl_->options.node;
  known.term = topology().leadership.term;
  known.primary = topology().leadership.primary;
  known.store_answers = impl_->driver.memory.store_answers;
  if (const auto& election = topology().leadership.election) known.election = election->term;
  const cluster::Node* own = topology().find(impl_->options.node);
  if (own != nullptr && own->promise) known.promised = own->promise->term;
  known.promised = std::max(known.promised, impl_->driver.memory.promised);
  failover::recall(known, impl_->current.remembered);
  return known;
}

Task<Result<void>> Agent::run() {
  Impl& self = *impl_;
  DORSAL_CO_TRY_VOID(co_await enter());
  self.scope.spawn(self.heart.beat_for_ever(self.options.heartbeat));
  self.scope.spawn(self.watch_store());
  self.scope.spawn(self.watch_process());
  self.scope.spawn(self.watch_lease());
  if (self.diary) self.scope.spawn(self.diary->write_for_ever());
  if (self.hooks) self.scope.spawn(self.hooks->run_for_ever());
  while (!self.stop_requested && !co_await io::cancelled()) {
    self.wake.reset();
    co_await tick();
    // A lease that runs out, whoever holds it, is worth a look at once.
    const Duration left = self.end_of_lease - self.options.clocks.boot();
    const bool is_sooner = left > Duration::zero() && left < self.options.tick;
    const Deadline next = self.loop.after(is_sooner ? left : Duration(self.options.tick));
    (void)co_await self.wake.wait(next);
  }
  co_await leave();
  co_return Result<void>();
}

// ---- entering the cluster ----

// Waits for as long as the store does not answer.
template <typename T>
Task<Result<T>> Agent::Impl::insist(Task<Result<T>> (Impl::*ask)()) {
  for (;;) {
    auto answer = co_await (this->*ask)();
    if (answer) co_return answer;
    const ErrorKind kind = answer.error().kind;
    const bool is_final =
        kind == ErrorKind::Conflict || kind == ErrorKind::Invalid || kind == ErrorKind::Corrupt;
    if (is_final) co_return answer;
    log_warn("agent",
             "node={} waits for the store: {}",
             options.node.value(),
             answer.error().message);
    const bool goes_on = co_await loop.sleep_until(loop.after(kRetryStore));
    if (!goes_on || stop_requested) co_return answer;
  }
}

// Empty where the cluster is yet to be founded.
Task<Result<std::optional<std::string>>> Agent::Impl::cluster_to_join() {
  const Deadline deadline = loop.after(kStoreLimit);
  DORSAL_CO_TRY(const auto snapshot, co_await store.load(deadline));
  std::optional<std::string> uuid;
  if (options.is_charter_certain) uuid = options.charter.uuid;
  if (snapshot.has_charter) uuid = snapshot.topology.charter.uuid;
  if (options.is_charter_certain && uuid != options.charter.uuid) {
    co_return invalid(
        fmt::format("the store is that of cluster {}, and this node's certificate is of {}; look "
                    "at 'cluster.store' and 'tls'",
                    *uuid,
                    options.charter.uuid));
  }
  co_return uuid;
}

Task<Result<instance::Identity>> Agent::Impl::join() {
  const Deadline founding = loop.after(kStoreLimit);
  cluster::Charter own = options.charter;
  DORSAL_CO_TRY(const auto charter, co_await store.found(std::move(own), founding));
  const Deadline admission = loop.after(kStoreLimit);
  DORSAL_CO_TRY(const auto member,
                co_await store.admit(options.node, options.address, options.server_id, admission));
  instance::Identity identity;
  identity.cluster_uuid = charter.uuid;
  identity.node = options.node;
  identity.server_id = member.server_id;
  identity.acks = charter.acks;
  co_return identity;
}

// Whatever is wrong with the folder, the mysqld or the settings is told before the node becomes a
// member, so that a mistake leaves nothing behind.
Task<Result<void>> Agent::enter() {
  Impl& self = *impl_;
  DORSAL_CO_TRY(auto uuid, co_await self.insist(&Impl::cluster_to_join));
  DORSAL_CO_TRY_VOID(co_await self.instance.open(self.options.node, std::move(uuid)));
  DORSAL_CO_TRY(auto identity, co_await self.insist(&Impl::join));
  co_return co_await self.instance.claim(std::move(identity));
}

// ---- looking ----

// Elections go as fast as nodes notice what the others wrote.
Task<> Agent::Impl::watch_store() {
  coord::Revision seen;
  while (!co_await io::cancelled()) {
    const Deadline deadline = loop.after(kWatchLimit);
    auto newest = co_await store.changed_since(seen, deadline);
    if (newest) {
      seen = *newest;
      co_await wake_at_news();
    } else if (newest.error().kind != ErrorKind::Timeout) {
      const Deadline next = loop.after(kRetryStore);
      if (!co_await loop.sleep_until(next)) co_return;
    }
  }
}

Task<> Agent::Impl::wake_at_news() {
  const Deadline deadline = loop.after(kStoreLimit);
  const auto snapshot = co_await store.load(deadline);
  if (snapshot && failover::is_news(driver.memory.topology, snapshot->topology)) wake.set();
}

Task<> Agent::Impl::watch_process() {
  while (!co_await io::cancelled()) {
    if (has_process) {
      const Deadline deadline = loop.after(kWatchLimit);
      co_await instance.exited(deadline);
      wake.set();
    }
    const Deadline next = loop.after(options.tick);
    if (!co_await loop.sleep_until(next)) co_return;
  }
}

// A tick may be waiting for the store or for its server when the lease runs out.
Task<> Agent::Impl::watch_lease() {
  std::optional<TimePoint> fenced_for;
  while (!co_await io::cancelled()) {
    const TimePoint now = options.clocks.boot();
    const std::optional<failover::Lease> lease = driver.memory.lease;
    Duration wait = options.tick;
    if (lease) {
      const Duration left = failover::end_of(*lease, options.policy) - now;
      const bool is_over = left <= Duration::zero();
      if (!is_over) wait = std::min(wait, left);
      if (is_over && may_be_writable && fenced_for != lease->sent) {
        fenced_for = lease->sent;
        const auto fenced = co_await driver.fence(now);
        if (fenced) {
          log_warn("agent",
                   "node={} its lease ran out while it waited; taking no more writes",
                   options.node.value());
        }
        wake.set();
      }
    }
    const Deadline next = loop.after(wait);
    if (!co_await loop.sleep_until(next)) co_return;
  }
}

Task<> Agent::Impl::read_store() {
  Memory& memory = driver.memory;
  // While it is out of reach the members are asked instead, and soon enough for the lease.
  const Duration limit = memory.store_answers
                             ? Duration(kStoreLimit)
                             : std::min<Duration>(kStoreLimit, options.policy.renew_every());
  const Deadline deadline = loop.after(limit);
  auto snapshot = co_await store.load(deadline);
  // A lease runs out only while somebody could have seen it renewed.
  const bool was_out_of_reach = !std::exchange(memory.store_answers, snapshot.has_value());
  if (!snapshot) co_return;
  const auto& before = memory.topology.leadership;
  const auto& now = snapshot->topology.leadership;
  if (was_out_of_reach || before.term != now.term || before.renewals != now.renewals) {
    memory.renewal_seen = options.clocks.boot();
  }
  if (failover::is_another_phase(before, now)) {
    memory.phase_seen = options.clocks.boot();
    // What one switchover could not do says nothing of the next.
    memory.rests.wake(Action::CloseForWrites);
  }
  silence.note(snapshot->topology, options.clocks.boot(), options.clocks.wall_ms());
  primary_clock.note(snapshot->topology, options.clocks.boot());
  memory.leadership_revision = snapshot->leadership_revision;
  memory.topology = std::move(snapshot->topology);
  const cluster::Node* own = memory.topology.find(options.node);
  if (!published_at && own != nullptr) {
    published = own->state;
    memory.restarted_ms = std::max(memory.restarted_ms, own->state.restarted_ms);
    memory.rebuilt_ms = std::max(memory.rebuilt_ms, own->state.rebuilt_ms);
  }
}

Task<View> Agent::Impl::look() {
  co_await read_store();
  const Deadline deadline = loop.after(kLookLimit);
  Memory& memory = driver.memory;
  View view;
  const TimePoint began = options.clocks.boot();
  view.job = memory.job;  // before looking: what a job changed while we looked was not all seen
  view.server = co_await instance.observe(deadline);
  if (view.server.process == cluster::Process::Answers) memory.starts_without_answer = 0;
  if (view.server.wants_restart || view.server.process == cluster::Process::Answers) {
    memory.rests.wake(Action::Start);
  }
  view.now = options.clocks.boot();
  view.self = options.node;
  view.store_answers = memory.store_answers;
  view.topology = silence.without_silent(memory.topology, view.now);
  view.lease = memory.lease;
  view.renewal_tried = memory.renewal_tried;
  view.renewal_failed = memory.renewal_failed;
  view.renewal_seen = memory.renewal_seen;
  // From when it was asked. An agent that was suspended meanwhile waited for no longer than this.
  const TimePoint asked = std::max<TimePoint>(began, view.now - kLookLimit);
  note_since(memory.silent_since, view.server.process == cluster::Process::Silent, asked);
  view.silent_since = memory.silent_since;
  view.broken_since = broken_replication.note(view.server, view.now);
  note_since(memory.storage_since, !view.server.storage_trouble.empty(), view.now);
  view.storage_since = memory.storage_since;
  note_since(memory.closed_since, !view.server.door_trouble.empty(), view.now);
  view.closed_since = memory.closed_since;
  acks.note(view);
  view.phase_seen = memory.phase_seen;
  view.can_ask_members = driver.peers != nullptr;
  view.restarted_ms = memory.restarted_ms;
  view.rebuilt_ms = memory.rebuilt_ms;
  view.resting = memory.rests.resting(view.now);
  const std::int64_t wall_ms = primary_clock.wall_ms(view.now, options.clocks.wall_ms());
  view.lag_ms = lag.note(view, wall_ms, options.heartbeat);
  settled.note(view);
  view.settled = settled.all();
  set_goal(view);
  if (failover::is_well(view, options.policy)) memory.failed_starts = 0;
  view.failed_starts = memory.failed_starts;
  end_of_lease = failover::seen_end_of_lease(view, options.policy);
  co_return view;
}

// The goal is what the primary had when this node was first seen to receive from it.
void Agent::Impl::set_goal(View& view) {
  const auto& facts = view.server.facts;
  const cluster::Node* primary = view.topology.primary();
  const bool receives =
      facts && facts->following && facts->following->receiver == cluster::Receiver::On;
  if (!goal && receives && primary != nullptr && !primary->state.server_uuid.empty()) {
    auto position = mysql::parse_gtid_set(primary->state.gtid_executed);
    if (position) goal = *std::move(position);
  }
  if (view.server.stage != cluster::DataStage::Member) goal.reset();
  view.goal = goal;
}

// ---- acting and telling ----

Task<> Agent::tick() {
  for (int steps = 0; steps < kMostStepsInATick; ++steps) {
    if (!co_await impl_->take_step()) co_return;
  }
}

// True when something was done, so that a fresh look is due.
Task<bool> Agent::Impl::take_step() {
  View view = co_await look();
  Step step = failover::decide(view, options.policy);
  has_process = view.server.pid.has_value();
  may_be_writable = view.server.may_be_writable || step.action == Action::OpenForWrites;
  heart.writes = view.server.may_be_writable && failover::holds_lease(view, options.policy);
  heart.has_listeners = view.server.facts && view.server.facts->acknowledging > 0;
  if (!is_routine(step.action)) activity = step.activity;
  log_change(step, view);
  count(step, view);
  View acted_on = view;
  const TimePoint begun = loop.now();
  std::optional<cluster::Event> event;
  if (diary && is_noteworthy(step)) event = event_of(step, view);
  if (step.action == Action::Keep) kept_by = step.rule;
  // How long it takes is told at its end.
  const bool ends_later = is_job(step.action);
  const bool done = co_await driver.carry_out(std::move(step),
                                              std::move(acted_on),
                                              options.clocks.boot,
                                              options.clocks.wall_ms());
  if (event) {
    if (!ends_later) event->took_ms = in_ms(loop.now() - begun);
    event->failed = driver.memory.failure;
    diary->note(*std::move(event));
  }
  co_await publish(view);
  co_return done;
}

// An act, or an alarm that was not raised already.
bool Agent::Impl::is_noteworthy(const Step& step) const {
  if (step.action == Action::Keep) return is_alarm(step.rule) && step.rule != kept_by;
  return !is_routine(step.action);
}

cluster::Event Agent::Impl::event_of(const Step& step, const View& view) const {
  cluster::Event event;
  event.at_ms = options.clocks.wall_ms();
  event.by = options.node.value();
  event.rule = step.rule;
  event.what =
      step.activity.empty() ? std::string(failover::to_string(step.action)) : step.activity;
  event.term = view.topology.leadership.term;
  if (view.server.facts) event.gtids = view.server.facts->executed.to_string();
  return event;
}

void Agent::Impl::note_job_end(JobEnd end) {
  if (!diary) return;
  cluster::Event event;
  event.at_ms = options.clocks.wall_ms();
  event.by = options.node.value();
  event.rule = std::move(end.rule);
  event.what = std::move(end.what);
  event.term = driver.memory.topology.leadership.term;
  event.gtids = current.gtid_executed;
  event.took_ms = in_ms(end.took);
  event.failed = std::move(end.failed);
  diary->note(std::move(event));
}

void Agent::Impl::log_change(const Step& step, const View& view) {
  if (is_routine(step.action)) return;
  const cluster::Role role = failover::role_of(view, options.policy);
  if (role == logged_role && step.rule == logged_rule) return;
  const std::string line = fmt::format("node={} role={}->{} rule={} term={}{}{}",
                                       options.node.value(),
                                       cluster::to_string(logged_role),
                                       cluster::to_string(role),
                                       step.rule,
                                       view.topology.leadership.term.value(),
                                       step.activity.empty() ? "" : ": ",
                                       step.activity);
  log_line(is_alarm(step.rule) ? LogLevel::Error : LogLevel::Info, "agent", line);
  if (role != logged_role) tell_hooks(logged_role, role, std::string(step.rule));
  logged_role = role;
  logged_rule = step.rule;
}

void Agent::Impl::tell_hooks(cluster::Role before, cluster::Role role, std::string rule) {
  if (!hooks) return;
  const cluster::Topology& topology = driver.memory.topology;
  RoleChange change;
  change.cluster = topology.charter.name;
  change.node = options.node;
  change.before = before;
  change.role = role;
  change.primary = topology.leadership.primary;
  change.term = topology.leadership.term;
  change.rule = std::move(rule);
  change.why = activity;
  change.at_ms = options.clocks.wall_ms();
  hooks->note(std::move(change));
}

void Agent::Impl::count(const Step& step, const View& view) {
  counters
      .gauge("dorsal_agent_lag_ms",
             "How far the node is behind the primary; -1 when unknown.",
             labels())
      .set(view.lag_ms.value_or(-1));
  counters.gauge("dorsal_agent_healthy", "1 when the node serves what its role promises.", labels())
      .set(failover::is_healthy(view, options.policy) ? 1 : 0);
  if (step.action == Action::Keep && step.rule == kept_by) return;
  Counters::Labels with_rule = labels();
  with_rule.emplace_back("rule", step.rule);
  counters
      .counter("dorsal_agent_steps_total",
               "Decisions, by the rule that made them; one that keeps things as they are counts "
               "once, until another one does.",
               std::move(with_rule))
      .add();
}

Task<> Agent::Impl::publish(const View& view) {
  NodeState state = failover::make_state(view, options.policy, activity, published);
  current = state;
  if (!view.store_answers || view.topology.find(options.node) == nullptr) co_return;
  state.agent_address = options.agent_address;
  state.zone = options.zone;
  state.read_weight = options.read_weight;
  state.priority = options.priority;
  state.version = options.version;
  const bool due = !published_at || view.now - *published_at >= options.publish_every;
  if (!due && !failover::differs_in_kind(state, published)) co_return;
  state.published_ms = options.clocks.wall_ms();
  const Deadline deadline = loop.after(kStoreLimit);
  NodeState sent = state;
  auto written = co_await store.publish(options.node, std::move(sent), deadline);
  if (!written) co_return;  // the next tick tries again
  published = std::move(state);
  published_at = view.now;
}

// ---- leaving ----

// A clean shutdown answers OK to clients whose writes no replica has acknowledged, so a primary is
// fenced first, and killed if that does not succeed.
Task<> Agent::leave() {
  Impl& self = *impl_;
  co_await self.scope.cancel_and_join();
  Deadline deadline = self.loop.after(kLookLimit);
  const cluster::Server server = co_await self.instance.observe(deadline);
  deadline = self.loop.after(kFenceLimit);
  if (server.may_be_writable) {
    const auto fenced = co_await self.instance.fence(deadline);
    if (!fenced) co_await self.instance.kill();
  }
  deadline = self.loop.after(kStopLimit);
  co_await self.instance.stop(deadline);
  self.activity = "stopped";
  self.published_at.reset();
  const View view = co_await self.look();
  co_await self.publish(view);
  log_info("agent", "node={} stopped", self.options.node.value());
  if (!self.hooks) co_return;
  if (self.logged_role != cluster::Role::Down) {
    self.tell_hooks(self.logged_role, cluster::Role::Down, "stop");
  }
  deadline = self.loop.after(kLastHooksLimit);
  co_await self.hooks->finish(deadline);
}

}  // namespace dorsal::agent
