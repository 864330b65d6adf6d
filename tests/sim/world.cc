#include "world.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "core/failover/agree.h"
#include "core/failover/switchover.h"

namespace dorsal::sim {
namespace {

using cluster::NodeName;
using cluster::Process;
using cluster::Receiver;
using cluster::Role;
using failover::Action;
using failover::Step;
using failover::View;

constexpr auto kTick = Milliseconds(250);
constexpr auto kPublish = Milliseconds(1000);
constexpr auto kReconnect = Milliseconds(1000);
constexpr auto kNetTimeout = Milliseconds(4000);

// The store is a node of the network as well.
constexpr NodeId kStore = kNodes;

NodeName name_of(NodeId node) { return NodeName(fmt::format("node{}", node + 1)); }
std::string address_of(NodeId node) { return fmt::format("10.0.0.{}:3306", node + 1); }
std::string host_of(NodeId node) { return fmt::format("10.0.0.{}", node + 1); }

NodeId id_of(const NodeName& name) {
  return static_cast<NodeId>(std::stoul(name.value().substr(4)) - 1);
}

// The coordination store: every change has a revision, and is compared.
struct Store {
  cluster::Topology topology;
  std::uint64_t leadership_revision = 1;
};

struct Agent {
  bool runs = true;
  bool is_frozen = false;
  std::uint64_t life = 0;
  bool is_busy = false;  // a tick is under way
  bool store_answers = false;
  cluster::Topology topology;
  std::uint64_t leadership_revision = 0;
  TimePoint renewal_seen;
  std::optional<failover::Lease> lease;
  std::optional<TimePoint> renewal_tried;
  bool renewal_failed = false;
  std::optional<TimePoint> silent_since;
  std::optional<TimePoint> published_at;
  std::string last_words;
  bool wants_restart = false;
  failover::Job job = failover::Job::None;
  std::map<Action, TimePoint> rests;
  std::optional<mysql::GtidSet> goal;
  std::optional<cluster::Term> promised;  // the highest that was sent to the store
  TimePoint phase_seen;
  std::int64_t restarted_ms = 0;
  std::vector<std::function<void()>> held;  // what happens to it while it is frozen
};

struct Node {
  explicit Node(NodeId id) : server(id) {}
  Server server;
  Agent agent;
};

class World {
 public:
  explicit World(const Plan& plan) : plan_(plan), random_(plan.seed) {
    const auto real = failover::rule_table();
    if (plan_.rules.empty()) plan_.rules.assign(real.begin(), real.end());
  }

  Outcome run() {
    found();
    const TimePoint faults_end = clock_.now() + plan_.faults_for;
    const TimePoint end = faults_end + plan_.quiet_for;
    schedule_faults(faults_end);
    clock_.after(plan_.faults_for, [this] {
      heal_all();
      await_end(0, acknowledged_.size());
    });
    for (NodeId client = 0; client < kClients; ++client) client_writes(client);
    while (outcome_.violation.empty() && !is_over_ && clock_.step(end)) {
    }
    if (outcome_.violation.empty() && !is_over_) {
      note_nodes();
      const std::string wrong = what_is_wrong();
      violate(wrong.empty() ? "it is well only now and then at the end" : wrong);
    }
    return std::move(outcome_);
  }

 private:
  static constexpr std::size_t kClients = 4;

  // ---- telling ----

  void note(std::string text) {
    outcome_.log.push_back(fmt::format("{:>8} {}", clock_.wall_ms() - 3'600'000, text));
  }
  void violate(std::string what) {
    if (!outcome_.violation.empty()) return;
    note("VIOLATION " + what);
    outcome_.violation = std::move(what);
  }

  // ---- network ----

  bool is_cut(NodeId from, NodeId to) const { return cuts_.contains({from, to}); }
  Duration latency(NodeId from, NodeId to) {
    const bool is_slow = slow_.contains(from) || slow_.contains(to);
    return Milliseconds(random_.between(1, is_slow ? 2000 : 5));
  }

  // Arrives later, or never.
  void send(NodeId from, NodeId to, std::function<void()> arrive) {
    if (is_cut(from, to)) return;
    clock_.after(latency(from, to), [this, from, to, arrive = std::move(arrive)] {
      if (!is_cut(from, to)) arrive();
    });
  }

  // ---- the beginning ----

  void found() {
    cluster::Topology& topology = store_.topology;
    topology.charter.acks = plan_.acks;
    topology.charter.uuid = "cluster";
    topology.leadership.term = cluster::Term(1);
    topology.leadership.primary = name_of(0);
    for (NodeId id = 0; id < plan_.nodes; ++id) {
      nodes_.push_back(std::make_unique<Node>(id));
      cluster::Node node;
      node.member.name = name_of(id);
      node.member.server_id = cluster::ServerId(static_cast<std::uint32_t>(id + 1));
      node.member.address = address_of(id);
      node.member.joined = true;
      topology.leadership.votes[node.member.name] = {};
      topology.nodes.push_back(node);
      start_agent(id);
    }
  }

  Node& node(NodeId id) { return *nodes_[id]; }

  // ---- processes ----

  void start_agent(NodeId id) {
    Agent& agent = node(id).agent;
    const std::uint64_t life = agent.life + 1;
    agent = Agent();
    agent.life = life;
    agent.renewal_seen = clock_.now();
    tick_after(id, Milliseconds(random_.between(0, 250)));
  }

  // mysqld dies with its agent.
  void kill_agent(NodeId id) {
    Agent& agent = node(id).agent;
    agent.runs = false;
    ++agent.life;
    agent.held.clear();
    crash_server(id, "");
  }

  void crash_server(NodeId id, std::string last_words, bool wants_restart = false) {
    Node& it = node(id);
    it.agent.wants_restart = wants_restart;
    if (!it.server.runs) return;
    it.server.crash();
    if (plan_.flaws.relay_log_recovers) it.server.recover_relay();
    it.agent.last_words = std::move(last_words);
    tick_after(id, Milliseconds(1));
  }

  void start_server(NodeId id) {
    Server& server = node(id).server;
    server.start();
    server.writable = plan_.flaws.boots_writable;
    clock_.after(Milliseconds(random_.between(300, 4000)), [this, id, life = server.life] {
      Server& it = node(id).server;
      if (it.runs && it.life == life) it.answers = true;
    });
  }

  // Runs something of an agent's, unless that agent is gone by then; a frozen one does it later.
  void as_agent(NodeId id, std::uint64_t life, std::function<void()> action) {
    Agent& agent = node(id).agent;
    if (!agent.runs || agent.life != life) return;
    if (agent.is_frozen) {
      agent.held.push_back(
          [this, id, life, action = std::move(action)] { as_agent(id, life, action); });
    } else {
      action();
    }
  }

  void tick_after(NodeId id, Duration delay) {
    const std::uint64_t life = node(id).agent.life;
    clock_.after(delay, [this, id, life] { as_agent(id, life, [this, id] { tick(id); }); });
  }

  // ---- an agent's tick: read the store, look at the server, decide, act ----

  void tick(NodeId id) {
    Agent& agent = node(id).agent;
    if (agent.is_busy) return;
    agent.is_busy = true;
    const std::uint64_t life = agent.life;
    auto answered = std::make_shared<bool>(false);
    send(id, kStore, [this, id, life, answered] {
      auto topology = std::make_shared<cluster::Topology>(store_.topology);
      const std::uint64_t revision = store_.leadership_revision;
      send(kStore, id, [this, id, life, answered, topology, revision] {
        as_agent(id, life, [this, id, answered, topology, revision] {
          if (std::exchange(*answered, true)) return;
          read_store(id, *topology, revision);
          act(id);
        });
      });
    });
    clock_.after(Milliseconds(1000), [this, id, life, answered] {
      as_agent(id, life, [this, id, answered] {
        if (std::exchange(*answered, true)) return;
        node(id).agent.store_answers = false;
        act(id);
      });
    });
  }

  void read_store(NodeId id, const cluster::Topology& topology, std::uint64_t revision) {
    Agent& agent = node(id).agent;
    const auto& before = agent.topology.leadership;
    const auto& now = topology.leadership;
    if (!agent.store_answers || before.term != now.term || before.renewals != now.renewals) {
      agent.renewal_seen = clock_.now();
    }
    if (failover::is_another_phase(before, now)) agent.phase_seen = clock_.now();
    const cluster::Node* own = topology.find(name_of(id));
    agent.restarted_ms = std::max(agent.restarted_ms, own->state.restarted_ms);
    agent.store_answers = true;
    agent.topology = topology;
    agent.leadership_revision = revision;
  }

  View view_of(NodeId id) {
    Node& it = node(id);
    Agent& agent = it.agent;
    const Server& server = it.server;
    View view;
    view.now = clock_.now();
    view.self = name_of(id);
    view.store_answers = agent.store_answers;
    view.topology = cluster::without_expired(agent.topology, clock_.wall_ms());
    view.lease = agent.lease;
    view.renewal_tried = agent.renewal_tried;
    view.renewal_failed = agent.renewal_failed;
    view.renewal_seen = agent.renewal_seen;
    view.lag_ms = 0;
    view.server.stage = server.stage;
    view.server.last_words = agent.last_words;
    view.server.wants_restart = agent.wants_restart;
    view.server.saved_strays = server.saved_strays;
    view.job = agent.job;
    view.can_ask_members = true;
    view.phase_seen = agent.phase_seen;
    view.restarted_ms = agent.restarted_ms;
    for (const auto& [action, until] : agent.rests) {
      if (view.now < until) view.resting.push_back(action);
    }
    view.server.may_be_writable = server.runs && server.writable;
    const bool answers = server.answers && !server.hangs;
    view.server.process = !server.runs     ? Process::Stopped
                          : answers        ? Process::Answers
                          : server.answers ? Process::Silent
                                           : Process::Starting;
    if (view.server.process != Process::Silent) agent.silent_since.reset();
    if (view.server.process == Process::Silent && !agent.silent_since) {
      agent.silent_since = clock_.now();
    }
    view.silent_since = agent.silent_since;
    if (answers) view.server.facts = facts_of(server);
    set_goal(agent, view);
    return view;
  }

  // As service/agent does.
  static void set_goal(Agent& agent, View& view) {
    const auto& facts = view.server.facts;
    const cluster::Node* primary = view.topology.primary();
    const bool receives = facts && facts->following && facts->following->receiver == Receiver::On;
    if (!agent.goal && receives && primary != nullptr && !primary->state.server_uuid.empty()) {
      auto position = mysql::parse_gtid_set(primary->state.gtid_executed);
      if (position) agent.goal = *std::move(position);
    }
    if (view.server.stage != cluster::DataStage::Member) agent.goal.reset();
    view.goal = agent.goal;
  }

  static cluster::ServerFacts facts_of(const Server& server) {
    cluster::ServerFacts facts;
    facts.in_flight = server.in_flight();
    facts.executed = server.executed();
    facts.uuid = uuid_of(server.origin);
    facts.writable = server.writable;
    facts.source_semi_sync = facts.source_semi_sync_active = server.source_semi_sync;
    facts.replica_semi_sync = facts.replica_semi_sync_active = server.replica_semi_sync;
    facts.waiting_for_acks = static_cast<std::int64_t>(server.waiting.size());
    if (server.stage == cluster::DataStage::Cloning) {
      facts.clone.state = cluster::CloneState::Completed;
    }
    if (server.source) {
      cluster::Following following;
      following.host = host_of(*server.source);
      following.port = 3306;
      following.is_as_we_configure = true;
      following.receiver = server.receiver;
      following.applier_runs = server.applier_runs;
      following.retrieved = server.retrieved();
      facts.following = following;
    }
    return facts;
  }

  Step decide(const View& view) const { return failover::decide_by(plan_.rules, view, policy_); }

  void act(NodeId id) {
    const View view = view_of(id);
    const Step step = decide(view);
    publish(id, view, step);
    carry_out(id, view, step);
  }

  void finish(NodeId id, bool is_done) {
    node(id).agent.is_busy = false;
    tick_after(id, is_done ? Duration(Milliseconds(1)) : Duration(kTick));
  }

  void publish(NodeId id, const View& view, const Step& step) {
    Agent& agent = node(id).agent;
    if (!agent.store_answers) return;
    const bool is_due = !agent.published_at || clock_.now() - *agent.published_at >= kPublish;
    if (!is_due && step.action == Action::Keep) return;
    agent.published_at = clock_.now();
    cluster::NodeState state;
    state.role = failover::role_of(view, policy_);
    state.healthy = failover::is_healthy(view, policy_);
    if (view.server.facts) {
      state.server_uuid = view.server.facts->uuid;
      state.gtid_executed = view.server.facts->executed.to_string();
    } else if (const cluster::Node* known = agent.topology.find(view.self)) {
      state.server_uuid = known->state.server_uuid;
      state.gtid_executed = known->state.gtid_executed;
    }
    state.restarted_ms = agent.restarted_ms;
    state.ready_for_ms = failover::ready_for_ms(view);
    state.lag_ms = 0;
    state.published_ms = clock_.wall_ms();
    send(id, kStore, [this, id, state] { stored(id).state = state; });
  }

  cluster::Node& stored(NodeId id) { return store_.topology.nodes[id]; }

  // A write to the store: it may take place and its answer be lost.
  void write_store(NodeId id, std::function<bool()> change, std::function<void()> done) {
    const std::uint64_t life = node(id).agent.life;
    auto is_over = std::make_shared<bool>(false);
    send(id, kStore, [this, id, life, is_over, change = std::move(change), done = std::move(done)] {
      const cluster::Topology before = store_.topology;
      const bool is_written = change();
      if (failover::is_news(before, store_.topology)) wake_all();
      send(kStore, id, [this, id, life, is_over, is_written, done] {
        as_agent(id, life, [this, id, is_over, is_written, done] {
          if (std::exchange(*is_over, true)) return;
          if (is_written) done();
          finish(id, is_written);
        });
      });
    });
    clock_.after(Milliseconds(1000), [this, id, life, is_over] {
      as_agent(id, life, [this, id, is_over] {
        if (!std::exchange(*is_over, true)) finish(id, false);
      });
    });
  }

  // Everybody watches the store.
  void wake_all() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      send(kStore, id, [this, id] { tick_after(id, Milliseconds(0)); });
    }
  }

  void change_leadership(NodeId id, const View& view, const Step& step) {
    const cluster::Leadership next =
        failover::leadership_after(step, view, policy_, clock_.wall_ms());
    const bool holds = step.action == Action::Renew || step.action == Action::Lead;
    const std::uint64_t expected = node(id).agent.leadership_revision;
    const TimePoint sent = clock_.now();
    if (holds) node(id).agent.renewal_tried = sent;
    if (step.action == Action::Renew) node(id).agent.renewal_failed = true;
    write_store(
        id,
        [this, next, expected] {
          const bool is_stale = store_.leadership_revision != expected;
          if (is_stale && !plan_.flaws.store_compares_nothing) return false;
          if (next.term > store_.topology.leadership.term) ++outcome_.elections;
          store_.topology.leadership = next;
          ++store_.leadership_revision;
          return true;
        },
        [this, id, holds, sent] {
          if (holds) node(id).agent.lease = failover::Lease{sent};
          if (holds) node(id).agent.renewal_failed = false;
        });
  }

  // ---- members ask each other ----

  failover::Knowledge knowledge_of(NodeId id) {
    const Agent& agent = node(id).agent;
    const cluster::Node* own = agent.topology.find(name_of(id));
    failover::Knowledge known;
    known.cluster = agent.topology.charter.uuid;
    known.self = name_of(id);
    known.term = agent.topology.leadership.term;
    known.primary = agent.topology.leadership.primary;
    known.store_answers = agent.store_answers;
    if (const auto& election = agent.topology.leadership.election) known.election = election->term;
    if (own != nullptr && own->promise) known.promised = own->promise->term;
    known.promised = std::max(known.promised, agent.promised);
    return known;
  }

  void ask_members(NodeId id, const View& view) {
    const TimePoint sent = clock_.now();
    const std::uint64_t life = node(id).agent.life;
    node(id).agent.renewal_tried = sent;
    node(id).agent.renewal_failed = false;
    const cluster::Claim claim{view.topology.charter.uuid,
                               view.self,
                               view.topology.leadership.term};
    auto yes = std::make_shared<std::size_t>(0);
    for (NodeId other = 0; other < nodes_.size(); ++other) {
      if (other == id) continue;
      send(id, other, [this, id, other, claim, yes] {
        as_agent(other, node(other).agent.life, [this, id, other, claim, yes] {
          if (!failover::agree(claim, knowledge_of(other)).agrees()) return;
          if (!plan_.flaws.agreeing_delays_nothing) {
            node(other).agent.renewal_seen = clock_.now();
          }
          send(other, id, [yes] { ++*yes; });
        });
      });
    }
    const std::size_t needed =
        plan_.flaws.most_members_suffice ? nodes_.size() / 2 : nodes_.size() - 1;
    clock_.after(Milliseconds(100), [this, id, life, sent, yes, needed] {
      as_agent(id, life, [this, id, sent, yes, needed] {
        if (*yes >= needed) node(id).agent.lease = failover::Lease{sent};
        finish(id, *yes >= needed);
      });
    });
  }

  static bool is_routine(Action action) {
    return action == Action::Keep || action == Action::Renew || action == Action::AskMembers;
  }

  void carry_out(NodeId id, const View& view, const Step& step) {
    Server& server = node(id).server;
    if (!is_routine(step.action)) {
      note(fmt::format("{} {} ({})",
                       view.self.value(),
                       failover::to_string(step.action),
                       step.rule));
    }
    bool is_done = true;
    switch (step.action) {
      case Action::Keep:
        return finish(id, false);
      case Action::Renew:
      case Action::Lead:
      case Action::HandOver:
      case Action::Elect:
      case Action::ChangeVotes:
      case Action::ChangeSwitchover:
      case Action::ChangeProtection:
        return change_leadership(id, view, step);
      case Action::AskMembers:
        return ask_members(id, view);
      case Action::Promise:
        node(id).agent.promised =
            std::max(node(id).agent.promised, std::optional(step.promise->term));
        return write_store(
            id,
            [this, id, promise = *step.promise] {
              auto& known = stored(id).promise;
              if (known && known->term > promise.term) return false;
              known = promise;
              return true;
            },
            [] {});
      case Action::UpdateMember:
        return write_store(
            id,
            [this, id, member = *step.member] {
              stored(id).member.joined = member.joined;
              return true;
            },
            [] {});
      case Action::Fence:
        fence(id);
        break;
      case Action::Kill:
        crash_server(id, "mysqld was killed");
        break;
      case Action::Start:
        start_server(id);
        is_done = false;
        break;
      case Action::RequireAcks:
        server.source_semi_sync = true;
        break;
      case Action::StopRequiringAcks:
        for (const auto& each : server.release_all()) confirm(id, each);
        server.source_semi_sync = false;
        break;
      case Action::Restart:
        node(id).agent.restarted_ms = step.asked_ms;
        for (const auto& each : server.release_all()) confirm(id, each);
        crash_server(id, "", true);
        break;
      case Action::AwaitApplier:
        clock_.after(Milliseconds(random_.between(1, 200)), [this, id, life = node(id).agent.life] {
          as_agent(id, life, [this, id] { finish(id, true); });
        });
        return;
      case Action::ForgetMember:
        break;
      case Action::OpenForWrites:
        server.writable = true;
        opened(id, view.topology.leadership.term);
        break;
      case Action::GiveAcks:
      case Action::StopAcks:
        server.replica_semi_sync = step.action == Action::GiveAcks;
        if (server.receiver != Receiver::Off) restart_receiver(id);
        break;
      case Action::StopReceiver:
        server.receiver = Receiver::Off;
        ++server.connection;
        break;
      case Action::StartApplier:
        start_applier(id);
        break;
      case Action::StopApplier:
        server.applier_runs = false;
        break;
      case Action::ForgetSource:
        server.receiver = Receiver::Off;
        ++server.connection;
        server.applier_runs = server.replica_semi_sync = false;
        server.source.reset();
        server.forget_relay();
        break;
      case Action::ChangeSource:
        server.forget_relay();
        server.source = id_of(*step.peer);
        break;
      case Action::StartReplication:
        start_applier(id);
        if (server.receiver == Receiver::Off) restart_receiver(id);
        break;
      case Action::AcceptData:
        server.source.reset();
        server.stage = cluster::DataStage::Member;
        break;
      case Action::Initialise:
      case Action::StartOver:
      case Action::SaveStrays:
      case Action::DropData:
      case Action::Clone:
      case Action::CloseForWrites:
        begin_job(id, step);
        is_done = false;
    }
    finish(id, is_done);
  }

  // ---- jobs, beside the ticks ----

  static failover::Job job_of(Action action) {
    if (action == Action::Initialise) return failover::Job::Initialise;
    if (action == Action::SaveStrays) return failover::Job::SaveStrays;
    if (action == Action::Clone) return failover::Job::Clone;
    if (action == Action::CloseForWrites) return failover::Job::CloseForWrites;
    return action == Action::DropData ? failover::Job::DropData : failover::Job::StartOver;
  }

  void begin_job(NodeId id, const Step& step) {
    Agent& agent = node(id).agent;
    agent.job = job_of(step.action);
    if (step.action == Action::DropData || step.action == Action::StartOver) {
      crash_server(id, "mysqld was killed");
    }
    clock_.after(Milliseconds(random_.between(100, 4000)), [this, id, step, life = agent.life] {
      as_agent(id, life, [this, id, step] {
        node(id).agent.job = failover::Job::None;
        end_job(id, step);
        tick_after(id, Milliseconds(1));
      });
    });
  }

  void end_job(NodeId id, const Step& step) {
    Server& server = node(id).server;
    if (step.action == Action::SaveStrays) server.saved_strays.unite(*step.strays);
    if (step.action == Action::DropData || step.action == Action::StartOver) server.lose_data();
    if (step.action == Action::CloseForWrites) close_for_writes(id);
    if (step.action == Action::Initialise) server.stage = cluster::DataStage::Fresh;
    if (step.action != Action::Clone) return;
    const NodeId donor = id_of(*step.peer);
    const Server& from = node(donor).server;
    const bool is_reached = from.runs && from.answers && !from.hangs && !is_cut(id, donor) &&
                            !is_cut(donor, id) && server.runs && server.answers;
    if (!is_reached || from.stage != cluster::DataStage::Member) {
      node(id).agent.rests[Action::Clone] = clock_.now() + Milliseconds(1000);
      return;
    }
    note(fmt::format("{} is cloned from {}", name_of(id).value(), name_of(donor).value()));
    server.replace_data(from);
    crash_server(id, "", true);
  }

  // Behind commits that wait it can hang, and then the server is killed.
  void fence(NodeId id) {
    Server& server = node(id).server;
    if (plan_.flaws.fence_releases_waiters) {
      for (const auto& each : server.release_all()) confirm(id, each);
    }
    if (server.hangs || !server.answers || !server.waiting.empty()) {
      crash_server(id, "mysqld was killed");
    } else {
      server.writable = false;
    }
  }

  // Who waits for an acknowledgement keeps the server from becoming read-only.
  void close_for_writes(NodeId id) {
    Server& server = node(id).server;
    if (server.hangs || !server.answers || !server.waiting.empty()) {
      node(id).agent.rests[Action::CloseForWrites] = clock_.now() + Milliseconds(1000);
    } else {
      server.writable = false;
    }
  }

  // ---- replication ----

  void start_applier(NodeId id) {
    Server& server = node(id).server;
    if (server.applier_runs) return;
    server.applier_runs = true;
    apply(id, server.life);
  }

  void apply(NodeId id, std::uint64_t life) {
    const Server& now = node(id).server;
    const bool has_work = now.applied < now.relay.size() && !now.hangs;
    clock_.after(Milliseconds(has_work ? random_.between(0, 20) : 50), [this, id, life] {
      Server& server = node(id).server;
      if (!server.runs || server.life != life || !server.applier_runs) return;
      if (!server.hangs) server.apply_next();
      apply(id, life);
    });
  }

  void restart_receiver(NodeId id) {
    Server& server = node(id).server;
    server.receiver = Receiver::Connecting;
    connect(id, ++server.connection);
  }

  void connect(NodeId id, std::uint64_t connection) {
    const NodeId source = *node(id).server.source;
    clock_.after(kReconnect, [this, id, connection] {
      Server& server = node(id).server;
      if (server.connection == connection && server.receiver == Receiver::Connecting) {
        connect(id, connection);
      }
    });
    send(id, source, [this, id, source, connection] {
      Server& from = node(source).server;
      if (!from.runs || !from.answers || from.hangs) return;
      send(source, id, [this, id, source, connection, life = from.life] {
        Server& server = node(id).server;
        if (server.connection != connection || server.receiver != Receiver::Connecting) return;
        server.receiver = Receiver::On;
        stream(source, life, id, connection, 0, clock_.now());
      });
    });
  }

  // What the replica lacks, in the order of the source's binlog; acknowledged as it arrives.
  void stream(NodeId source,
              std::uint64_t life,
              NodeId id,
              std::uint64_t connection,
              std::size_t position,
              TimePoint heard) {
    Server& server = node(id).server;
    if (!server.runs || server.connection != connection || server.receiver != Receiver::On) return;
    Server& from = node(source).server;
    const bool is_up = from.runs && from.life == life && !from.hangs;
    const bool is_heard = is_up && !is_cut(source, id) && !is_cut(id, source);
    if (is_heard) heard = clock_.now();
    const bool is_gone = !from.runs || from.life != life;
    if ((is_gone && !is_cut(source, id)) || clock_.now() - heard > kNetTimeout) {
      server.receiver = Receiver::Connecting;
      return connect(id, connection);
    }
    // By GTIDs the source knows what it need not send.
    while (is_heard && position < from.binlog.size() &&
           server.has_received(from.binlog[position])) {
      ++position;
    }
    const bool has_news = is_heard && !server.hangs && position < from.binlog.size();
    clock_.after(has_news ? latency(source, id) : Milliseconds(20), [=, this] {
      if (has_news && !is_cut(source, id)) {
        arrive(source, life, id, connection, position);
      } else {
        // What was lost on the way is sent again, until one of both gives up.
        stream(source, life, id, connection, position, heard);
      }
    });
  }

  // Some of what the source had in its binlog from that position on, when it was sent.
  void arrive(NodeId source,
              std::uint64_t life,
              NodeId id,
              std::uint64_t connection,
              std::size_t position) {
    Server& server = node(id).server;
    if (!server.runs || server.connection != connection || server.receiver != Receiver::On) return;
    const Server& from = node(source).server;
    const auto most = static_cast<std::size_t>(random_.between(1, 20));
    const bool is_there = from.runs && from.life == life;
    for (std::size_t i = 0; is_there && i < most && position < from.binlog.size(); ++i) {
      server.receive(from.binlog[position++]);
    }
    if (server.replica_semi_sync) {
      send(id, source, [this, source, life, id, position] {
        Server& to = node(source).server;
        if (!to.runs || to.life != life || to.hangs || !to.source_semi_sync) return;
        for (const auto& each : to.acknowledge(id, position, plan_.acks)) confirm(source, each);
      });
    }
    stream(source, life, id, connection, position, clock_.now());
  }

  // ---- clients ----

  void client_writes(NodeId client) {
    clock_.after(Milliseconds(random_.between(20, 300)), [this, client] {
      // As a proxy would: mostly to who leads, now and then to who once did.
      NodeId target = id_of(store_.topology.leadership.primary);
      if (random_.one_in(8)) target = random_.below(nodes_.size());
      Server& server = node(target).server;
      const auto transaction = server.write(next_client_++);
      if (transaction && plan_.flaws.semi_sync_times_out) time_out_later(target, *transaction);
      if (transaction && !server.source_semi_sync) {
        violate(fmt::format("{} takes writes that nobody acknowledges", name_of(target).value()));
      }
      client_writes(client);
    });
  }

  void time_out_later(NodeId id, Transaction transaction) {
    clock_.after(Milliseconds(1000), [this, id, transaction, life = node(id).server.life] {
      Server& server = node(id).server;
      const bool waits = server.life == life && !server.waiting.empty() &&
                         server.waiting.front().transaction <= transaction;
      if (!waits || server.hangs) return;
      for (const auto& each : server.release_all()) confirm(id, each);
    });
  }

  // A client is told OK.
  void confirm(NodeId source, const Server::Waiting& write) {
    ++outcome_.acknowledged;
    acknowledged_.push_back(write.transaction);
    if (newest_ && newest_->first != source &&
        !node(newest_->first).server.has(write.transaction)) {
      violate(fmt::format("{} told a client OK of a write that {}, primary of term {}, lacks",
                          name_of(source).value(),
                          name_of(newest_->first).value(),
                          newest_->second.value()));
    }
  }

  // ---- faults ----

  void schedule_faults(TimePoint end) {
    clock_.after(Milliseconds(random_.between(50, 4000)), [this, end] {
      if (clock_.now() >= end) return;
      fault();
      schedule_faults(end);
    });
  }

  void fault() {
    const NodeId id = random_.below(nodes_.size());
    const Duration length = Milliseconds(random_.between(50, 20'000));
    const std::string name = name_of(id).value();
    switch (random_.below(14)) {
      case 13:
        note(name + " is to be started anew");
        stored(id).member.restart_asked_ms = clock_.wall_ms();
        return;
      case 12:
        note("the store is out of reach for all");
        for (NodeId other = 0; other < kStore; ++other) cut(other, kStore, true, length);
        return;
      case 10:
      case 11:
        return ask_for_switchover(id);
      case 9:
        return lose_data(id);
      case 0:
        note(name + ": mysqld is killed");
        return crash_server(id, "mysqld was killed by signal 9");
      case 1:
        note(name + ": the agent is killed");
        kill_agent(id);
        clock_.after(length, [this, id] {
          if (!node(id).agent.runs) start_agent(id);
        });
        return;
      case 2:
        note(name + ": mysqld hangs");
        node(id).server.hangs = true;
        clock_.after(length, [this, id] { node(id).server.hangs = false; });
        return;
      case 3:
        note(name + ": the agent is frozen");
        node(id).agent.is_frozen = true;
        clock_.after(length, [this, id] { thaw(id); });
        return;
      case 4:
        note(name + " is cut off");
        for (NodeId other = 0; other <= kStore; ++other) cut(id, other, true, length);
        return;
      case 5:
        note(name + " cannot be heard");
        for (NodeId other = 0; other <= kStore; ++other) cut(id, other, false, length);
        return;
      case 6:
        note(name + " is cut off from the store");
        return cut(id, kStore, true, length);
      case 7: {
        const NodeId other = random_.below(nodes_.size());
        note(fmt::format("{} and {} are cut off from each other", name, name_of(other).value()));
        return cut(id, other, true, length);
      }
      default:
        note("the network of " + name + " is slow");
        slow_.insert(id);
        clock_.after(length / 4, [this, id] { slow_.erase(id); });
    }
  }

  // Only from a cluster that is whole: what k + 1 disks have is not lost with one of them.
  void lose_data(NodeId id) {
    for (NodeId other = 0; other < nodes_.size(); ++other) {
      const Server& server = node(other).server;
      const bool has_all = std::all_of(acknowledged_.begin(),
                                       acknowledged_.end(),
                                       [&](const Transaction& each) { return server.has(each); });
      const bool is_whole = has_all && store_.topology.is_voter(name_of(other)) &&
                            failover::is_healthy(view_of(other), policy_);
      if (!is_whole) return;
    }
    note(name_of(id).value() + ": its data is gone");
    crash_server(id, "mysqld was killed");
    node(id).server.lose_data();
  }

  // As an operator does.
  void ask_for_switchover(NodeId to) {
    const auto topology = cluster::without_expired(store_.topology, clock_.wall_ms());
    auto planned = failover::plan_switchover(topology, name_of(to), clock_.wall_ms());
    if (!planned) return;
    note("a switchover to " + name_of(to).value() + " is asked for");
    planned->drain_ms = random_.between(0, 1000);
    store_.topology.leadership.switchover = *planned;
    ++store_.leadership_revision;
    wake_all();
  }

  void cut(NodeId one, NodeId other, bool both_ways, Duration length) {
    if (one == other) return;
    cuts_.insert({one, other});
    if (both_ways) cuts_.insert({other, one});
    clock_.after(length, [this, one, other] {
      cuts_.erase({one, other});
      cuts_.erase({other, one});
    });
  }

  void thaw(NodeId id) {
    Agent& agent = node(id).agent;
    agent.is_frozen = false;
    for (auto& action : std::exchange(agent.held, {}))
      clock_.after(Milliseconds(0), std::move(action));
  }

  void heal_all() {
    note("all faults are over");
    cuts_.clear();
    slow_.clear();
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      node(id).server.hangs = false;
      thaw(id);
      if (!node(id).agent.runs) start_agent(id);
    }
  }

  // ---- judging ----

  void opened(NodeId id, cluster::Term term) {
    note(fmt::format("{} takes writes in term {}", name_of(id).value(), term.value()));
    if (!newest_ || term > newest_->second) newest_ = {id, term};
    for (NodeId other = 0; other < nodes_.size(); ++other) check_lease(other, id);
    for (const Transaction& each : acknowledged_) {
      if (node(id).server.has(each)) continue;
      return violate(
          fmt::format("{} takes writes in term {} and lacks {}:{}, which was acknowledged",
                      name_of(id).value(),
                      term.value(),
                      each.origin,
                      each.number));
    }
  }

  // Who promised, or handed over, counts on its lease no more.
  void check_lease(NodeId other, NodeId opened) {
    const Agent& agent = node(other).agent;
    const Server& server = node(other).server;
    if (other == opened || !agent.lease || !agent.runs || !server.runs || !server.writable) return;
    const TimePoint end = agent.lease->sent + policy_.lease_ttl - policy_.lease_margin();
    if (clock_.now() >= end) return;
    violate(fmt::format("{} takes writes while the lease of {} runs",
                        name_of(opened).value(),
                        name_of(other).value()));
  }

  void note_nodes() {
    for (const auto& [name, vote] : store_.topology.leadership.votes) {
      note(fmt::format("vote of {}: {}, needed {}",
                       name.value(),
                       cluster::to_string(vote.state),
                       vote.needed.value_or("?")));
    }
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const auto& promise = stored(id).promise;
      note(fmt::format("{} has {}, promised term {}: {}",
                       name_of(id).value(),
                       node(id).server.executed().to_string(),
                       promise ? promise->term.value() : 0,
                       promise ? promise->received : ""));
    }
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const Step step = decide(view_of(id));
      note(fmt::format("{}: {} {}", name_of(id).value(), step.rule, step.activity));
    }
  }

  // Why the cluster has not healed yet; empty when it has.
  std::string what_is_wrong() {
    if (!newest_) return "nobody ever took writes";
    const NodeId primary = id_of(store_.topology.leadership.primary);
    const Server& server = node(primary).server;
    if (!server.runs || !server.writable) {
      return fmt::format("{} leads and takes no writes at the end", name_of(primary).value());
    }
    const auto& switchover = store_.topology.leadership.switchover;
    if (switchover && switchover->is_under_way()) return "a switchover has not ended";
    if (last_write_is_old(server)) return "no write is acknowledged at the end";
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      std::string wrong = what_is_wrong_with(id, primary);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  std::string what_is_wrong_with(NodeId id, NodeId primary) {
    const std::string name = name_of(id).value();
    const View view = view_of(id);
    if (!failover::is_healthy(view, policy_)) {
      const Step step = decide(view);
      return fmt::format("{} is not well at the end: {} {}", name, step.rule, step.activity);
    }
    mysql::GtidSet surplus = node(id).server.executed();
    surplus.subtract(node(primary).server.executed());
    surplus.subtract(node(primary).server.in_flight());
    if (id != primary && !surplus.empty()) {
      return fmt::format("{} has what {} never had", name, name_of(primary).value());
    }
    // What was acknowledged in the last moments may be on its way.
    const std::size_t settled =
        acknowledged_.size() - std::min<std::size_t>(acknowledged_.size(), 50);
    for (std::size_t i = 0; i < settled; ++i) {
      if (!node(id).server.has(acknowledged_[i])) {
        return fmt::format("{} lacks what was acknowledged", name);
      }
    }
    return {};
  }

  // With all faults over the cluster has to heal, and to stay well for some seconds.
  void await_end(int times_well, std::size_t acknowledged_before) {
    clock_.after(Milliseconds(2000), [this, times_well, acknowledged_before] {
      const std::size_t acknowledged = acknowledged_.size();
      const bool is_well = acknowledged > acknowledged_before && what_is_wrong().empty();
      is_over_ = is_well && times_well == 2;
      await_end(is_well ? times_well + 1 : 0, acknowledged);
    });
  }

  // Commits wait for a long time.
  bool last_write_is_old(const Server& server) const { return server.waiting.size() > 100; }

  Plan plan_;
  const failover::Policy policy_;
  Random random_;
  Clock clock_;
  Store store_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::set<std::pair<NodeId, NodeId>> cuts_;
  std::set<NodeId> slow_;
  bool is_over_ = false;
  std::uint64_t next_client_ = 1;
  std::vector<Transaction> acknowledged_;
  std::optional<std::pair<NodeId, cluster::Term>> newest_;
  Outcome outcome_;
};

}  // namespace

Outcome run(const Plan& plan) { return World(plan).run(); }

}  // namespace dorsal::sim
