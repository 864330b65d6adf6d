#include "service/agent/agent.h"

#include <fmt/core.h>

#include <utility>

#include "base/log.h"
#include "edge/io/clock.h"
#include "edge/io/scope.h"
#include "service/agent/driver.h"
#include "service/agent/heart.h"
#include "service/agent/node_state.h"

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
constexpr auto kStopLimit = std::chrono::seconds(25);
constexpr auto kFenceLimit = std::chrono::seconds(2);
constexpr int kMostStepsInATick = 20;

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
        driver(loop_, store_, instance_, scope),
        heart(loop_, instance_, scope, options.clocks.wall_ms) {}

  Options options;
  io::Loop& loop;
  coord::ClusterStore& store;
  instance::Instance& instance;
  Counters& counters;
  io::Scope scope;  // the job, and the heartbeat
  Driver driver;
  bool stop_requested = false;
  bool has_process = false;
  Heart heart;
  std::optional<mysql::GtidSet> goal;
  NodeState published;
  std::optional<TimePoint> published_at;
  std::string activity;
  std::string logged_rule;
  cluster::Role logged_role = cluster::Role::Down;

  Task<Result<cluster::Charter>> found();
  Task<Result<cluster::Member>> admit();
  Task<> read_store();
  Task<View> look();
  void set_goal(View& view);
  Task<bool> take_step();
  void log_change(const Step& step, const View& view);
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

void Agent::request_stop() { impl_->stop_requested = true; }

Task<Result<void>> Agent::run() {
  Impl& self = *impl_;
  DORSAL_CO_TRY_VOID(co_await enter());
  self.scope.spawn(self.heart.beat_for_ever(self.options.heartbeat));
  while (!self.stop_requested && !co_await io::cancelled()) {
    co_await tick();
    const Deadline next = self.loop.after(self.options.tick);
    if (self.has_process) {
      co_await self.instance.exited(next);
    } else {
      (void)co_await self.loop.sleep_until(next);
    }
  }
  co_await leave();
  co_return Result<void>();
}

// ---- entering the cluster ----

Task<Result<cluster::Charter>> Agent::Impl::found() {
  const Deadline deadline = loop.after(kStoreLimit);
  cluster::Charter charter = options.charter;
  co_return co_await store.found(std::move(charter), deadline);
}

Task<Result<cluster::Member>> Agent::Impl::admit() {
  const Deadline deadline = loop.after(kStoreLimit);
  co_return co_await store.admit(options.node, options.address, options.server_id, deadline);
}

Task<Result<void>> Agent::enter() {
  Impl& self = *impl_;
  for (;;) {
    auto charter = co_await self.found();
    if (charter) {
      auto member = co_await self.admit();
      if (member) {
        instance::Identity identity;
        identity.cluster_uuid = charter->uuid;
        identity.node = self.options.node;
        identity.server_id = member->server_id;
        identity.acks = charter->acks;
        co_return co_await self.instance.open(std::move(identity));
      }
      if (member.error().kind == ErrorKind::Conflict || member.error().kind == ErrorKind::Invalid) {
        co_return member.error();
      }
      charter = member.error();
    }
    if (charter.error().kind == ErrorKind::Corrupt) co_return charter.error();
    log_warn("agent",
             "node={} waits for the store: {}",
             self.options.node.value(),
             charter.error().message);
    const bool goes_on = co_await self.loop.sleep_until(self.loop.after(kRetryStore));
    if (!goes_on || self.stop_requested) co_return charter.error();
  }
}

// ---- looking ----

Task<> Agent::Impl::read_store() {
  const Deadline deadline = loop.after(kStoreLimit);
  auto snapshot = co_await store.load(deadline);
  Memory& memory = driver.memory;
  memory.store_answers = snapshot.has_value();
  if (!snapshot) co_return;
  memory.leadership_revision = snapshot->leadership_revision;
  memory.topology = std::move(snapshot->topology);
  const cluster::Node* own = memory.topology.find(options.node);
  if (!published_at && own != nullptr) published = own->state;
}

Task<View> Agent::Impl::look() {
  co_await read_store();
  const Deadline deadline = loop.after(kLookLimit);
  Memory& memory = driver.memory;
  View view;
  view.job = memory.job;  // before looking: what a job changed while we looked was not all seen
  view.server = co_await instance.observe(deadline);
  if (view.server.process == cluster::Process::Answers) memory.starts_without_answer = 0;
  if (view.server.wants_restart || view.server.process == cluster::Process::Answers) {
    memory.rests.wake(Action::Start);
  }
  view.now = options.clocks.boot();
  view.self = options.node;
  view.store_answers = memory.store_answers;
  view.topology = cluster::without_expired(memory.topology, options.clocks.wall_ms());
  view.lease = memory.lease;
  view.renewal_tried = memory.renewal_tried;
  view.resting = memory.rests.resting(view.now);
  view.lag_ms = lag_ms(view, options.clocks.wall_ms(), options.heartbeat);
  set_goal(view);
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
  heart.writes = view.server.may_be_writable && failover::holds_lease(view, options.policy);
  heart.has_listeners = view.server.facts && view.server.facts->acknowledging > 0;
  if (step.action != Action::Renew) activity = step.activity;
  log_change(step, view);
  count(step, view);
  View acted_on = view;
  const bool done = co_await driver.carry_out(std::move(step),
                                              std::move(acted_on),
                                              options.clocks.boot,
                                              options.clocks.wall_ms());
  co_await publish(view);
  co_return done;
}

void Agent::Impl::log_change(const Step& step, const View& view) {
  if (step.action == Action::Renew) return;
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
  logged_role = role;
  logged_rule = step.rule;
}

void Agent::Impl::count(const Step& step, const View& view) {
  counters
      .gauge("dorsal_agent_lag_ms",
             "How far the node is behind the primary; -1 when unknown.",
             labels())
      .set(view.lag_ms.value_or(-1));
  counters.gauge("dorsal_agent_healthy", "1 when the node serves what its role promises.", labels())
      .set(failover::is_healthy(view, options.policy) ? 1 : 0);
  if (step.action == Action::Keep) return;
  Counters::Labels with_rule = labels();
  with_rule.emplace_back("rule", step.rule);
  counters
      .counter("dorsal_agent_steps_total",
               "Steps taken, by the rule that asked for them.",
               std::move(with_rule))
      .add();
}

Task<> Agent::Impl::publish(const View& view) {
  if (!view.store_answers || view.topology.find(options.node) == nullptr) co_return;
  NodeState state = make_state(view, options.policy, activity, published);
  state.zone = options.zone;
  state.read_weight = options.read_weight;
  const bool due = !published_at || view.now - *published_at >= options.publish_every;
  if (!due && !differs_in_kind(state, published)) co_return;
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
}

}  // namespace dorsal::agent
