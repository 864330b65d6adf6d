// The parts of a simulated cluster, and what happens between them.
//
// One class, as everything may meet everything; its files go by what they model: time, network and
// processes (world.cc), agents (agents.cc, actions.cc), servers that replicate (replication.cc),
// faults (faults.cc), people (operators.cc), and who judges (judges.cc).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "clock.h"
#include "core/cluster/remote_clock.h"
#include "core/cluster/silence.h"
#include "core/failover/ack_watch.h"
#include "core/failover/agree.h"
#include "core/failover/decide.h"
#include "core/failover/lag.h"
#include "core/failover/manual_failover.h"
#include "core/failover/settled.h"
#include "plan.h"
#include "random.h"
#include "server.h"

namespace dorsal::sim {

// The store is a node of the network as well.
inline constexpr NodeId kStore = kNodes;

cluster::NodeName name_of(NodeId node);
std::string address_of(NodeId node);
std::string host_of(NodeId node);
NodeId id_of(const cluster::NodeName& name);

// As in life, but for bounds that hardly any voter here would be beyond.
inline failover::Policy policy_of_worlds() {
  failover::Policy policy;
  policy.far_behind_ms = 2500;
  return policy;
}

// The coordination store: every change has a revision, and is compared.
struct Store {
  cluster::Topology topology;
  std::uint64_t leadership_revision = 1;
  std::uint64_t life = 0;  // another when it was put back to what it once was
};

struct Agent {
  bool runs = true;
  bool is_frozen = false;
  std::uint64_t life = 0;
  bool is_busy = false;  // a tick is under way
  bool store_answers = false;
  cluster::Topology topology;
  cluster::Silence silence;
  cluster::PrimaryClock primary_clock;
  failover::AckWatch acks;
  failover::Lag lag;
  failover::Settled settled;
  std::uint64_t leadership_revision = 0;
  std::uint64_t store_life = 0;  // of the store that it knows: it believes no other
  TimePoint renewal_seen;
  std::optional<failover::Lease> lease;
  std::optional<TimePoint> renewal_tried;
  bool renewal_failed = false;
  std::optional<TimePoint> silent_since;
  std::optional<TimePoint> storage_since;
  std::optional<TimePoint> published_at;
  std::string last_words;
  bool wants_restart = false;
  failover::Job job = failover::Job::None;
  std::map<failover::Action, TimePoint> rests;
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
  cluster::Remembered remembered;
  std::int64_t clock_error_ms = 0;  // of its wall clock
  TimePoint told_nobody_since;      // that its write is there
  TimePoint hangs_until;
  TimePoint frozen_until;
  TimePoint disk_broken_until;
  TimePoint applier_held_until;
  TimePoint replication_cut_until;
};

class World {
 public:
  explicit World(const Plan& plan) : plan_(plan), random_(plan.seed) {
    const auto real = failover::rule_table();
    if (plan_.rules.empty()) plan_.rules.assign(real.begin(), real.end());
  }

  Outcome run();

 private:
  static constexpr std::size_t kClients = 4;

  // ---- telling ----

  void note(std::string text);
  void violate(Invariant invariant, std::string what);

  // ---- network ----

  bool is_cut(NodeId from, NodeId to) const;
  Duration latency(NodeId from, NodeId to);

  bool knows_store(NodeId from, NodeId to) const;

  // Arrives later, or never.
  void send(NodeId from, NodeId to, std::function<void()> arrive);

  // ---- the beginning ----

  void found();
  Node& node(NodeId id) { return *nodes_[id]; }
  // A node's clocks: the one that runs through suspend, by which agents go, and the wall's.
  TimePoint boot(NodeId id) {
    return clock_.now() +
           Milliseconds(plan_.flaws.lease_by_wall_clock ? node(id).clock_error_ms : 0);
  }
  std::int64_t wall_ms(NodeId id) { return clock_.wall_ms() + node(id).clock_error_ms; }

  // ---- processes ----

  void start_agent(NodeId id);

  // mysqld dies with its agent.
  void kill_agent(NodeId id);
  void crash_server(NodeId id, std::string last_words, bool wants_restart = false);
  void start_server(NodeId id);
  void await_recovery(NodeId id, std::uint64_t life);

  // Runs something of an agent's, unless that agent is gone by then; a frozen one does it later.
  void as_agent(NodeId id, std::uint64_t life, std::function<void()> action);
  void tick_after(NodeId id, Duration delay);

  // ---- an agent's tick: read the store, look at the server, decide, act ----

  void tick(NodeId id);
  void read_store(NodeId id, const cluster::Topology& topology, std::uint64_t revision);
  failover::View view_of(NodeId id);
  cluster::Topology believed(NodeId id);

  // Who is silent is told by stamps alone.
  cluster::Topology at_first_look(const cluster::Topology& topology, std::int64_t wall_ms);

  // As service/agent does.
  static void set_goal(Agent& agent, failover::View& view);
  failover::Lease lease_of_renewal(NodeId id, TimePoint sent);
  bool seems_writable(const Server& server) const;
  cluster::ServerFacts facts_of(NodeId id);
  failover::Step decide(const failover::View& view) const {
    return failover::decide_by(plan_.rules, view, policy_);
  }

  void act(NodeId id);
  void finish(NodeId id, bool is_done);
  void publish(NodeId id, const failover::View& view, const failover::Step& step);
  cluster::Node* stored(NodeId id);  // null when it is no member

  // A write to the store: it may take place and its answer be lost.
  void write_store(NodeId id, std::function<bool()> change, std::function<void()> done);

  // Everybody watches the store.
  void wake_all();
  void change_leadership(NodeId id, const failover::View& view, const failover::Step& step);

  // ---- members ask each other ----

  failover::Knowledge knowledge_of(NodeId id);
  void ask_members(NodeId id, const failover::View& view);

  // ---- acting ----

  static bool is_routine(failover::Action action);
  void carry_out(NodeId id, const failover::View& view, const failover::Step& step);

  // ---- jobs, beside the ticks ----

  static failover::Job job_of(failover::Action action);
  void begin_job(NodeId id, const failover::Step& step);
  void end_job(NodeId id, const failover::Step& step);
  void end_clone(NodeId id, NodeId donor, std::optional<Transaction> awaited);

  // Behind commits that wait it can hang, and then the server is killed.
  void stop_requiring_acks(NodeId id);
  void fence(NodeId id);

  // Who waits for an acknowledgement keeps the server from becoming read-only.
  void close_for_writes(NodeId id);

  // ---- replication ----

  void start_applier(NodeId id);
  void apply(NodeId id, std::uint64_t life);
  void restart_receiver(NodeId id);
  bool replication_is_cut(NodeId one, NodeId other);
  void replicate(NodeId from, NodeId to, std::function<void()> arrive);  // as send()
  void connect(NodeId id, std::uint64_t connection);

  // What the replica lacks, in the order of the source's binlog; acknowledged as it arrives.
  void stream(NodeId source,
              std::uint64_t life,
              NodeId id,
              std::uint64_t connection,
              std::size_t position,
              TimePoint heard);

  // Some of what the source had in its binlog from that position on, when it was sent.
  void arrive(NodeId source,
              std::uint64_t life,
              NodeId id,
              std::uint64_t connection,
              std::size_t position);

  // ---- clients ----

  void client_writes(NodeId client);
  void time_out_later(NodeId id, Transaction transaction);

  // Without semi-sync nobody waits.
  void commit_unprotected(NodeId id);
  std::uint32_t acks_that_suffice(const Server& server) const;

  // A client is told OK.
  void confirm(NodeId source, const Server::Waiting& write);

  // ---- faults ----

  void schedule_faults(TimePoint end);
  Fault choose_fault();
  void fault();

  // Only from a cluster that is whole: what k + 1 disks have is not lost with one of them.
  void lose_data(NodeId id);
  void lose_store(Duration length);
  void restore_store();
  void lose_power(NodeId id, Duration length);
  void lose_power_of_all();
  void strike_after_step(NodeId id);
  void start_agent_after(NodeId id, Duration delay);
  void hang(NodeId id, Duration length);
  void freeze(NodeId id, Duration length);
  void break_disk(NodeId id, Duration length);

  // It lasts as long as the one that ends last.
  void prolong(TimePoint& until, Duration length);
  void end_after(TimePoint& until, Duration length, std::function<void()> end);
  void cut_off(NodeId id, Duration length);
  void cut_from_replication(NodeId id, Duration length);
  void hold_up_applier(NodeId id, Duration length);
  void write_strays(NodeId id);
  void purge_binlogs(NodeId id);
  void let_clock_jump(NodeId id);
  void cut(NodeId one, NodeId other, bool both_ways, Duration length);
  void thaw(NodeId id);
  void heal_all();

  // ---- people ----

  void ask_for_switchover(NodeId to);
  void ask_for_failover(NodeId to);
  void ask_for_failovers();  // now and then, until the faults are over
  void ask_for_restart(NodeId id);
  void ask_for_pause(Duration length);
  void ask_for_protection(cluster::Mode mode, std::uint32_t acks);
  void ask_for_any_protection();
  void ask_for_removal(NodeId id);
  void add_member(NodeId id);
  void add_again(NodeId id);  // with an empty folder, once it is none

  // ---- judging ----

  void opened(NodeId id, cluster::Term term);
  // All that was acknowledged is of one history, also where terms are repeated.
  void check_history(NodeId source);
  // An operator was told that it is lost, or that it is not known what a node had that has it.
  bool is_admitted(Transaction transaction);

  // Who promised, or handed over, counts on its lease no more.
  void check_lease(NodeId other, NodeId opened);
  bool is_at_work(NodeId id);
  void watch_primaries();
  void note_nodes();

  // Why the cluster has not healed yet; empty when it has.
  std::string what_is_wrong();
  std::string what_is_wrong_with(NodeId id, NodeId primary);

  // With all faults over the cluster has to heal, and to stay well for some seconds.
  void await_end(int times_well, std::size_t acknowledged_before);

  // What a whole cluster must survive: its primary hangs, is cut off, or is gone.
  void strike_last();
  void await_takeover(std::uint64_t openings_before, TimePoint since);

  // Commits wait for a long time.
  bool last_write_is_old(const Server& server) const { return server.waiting.size() > 100; }

  Plan plan_;
  const failover::Policy policy_ = policy_of_worlds();
  Random random_;
  Clock clock_;
  Store store_;
  std::vector<cluster::Topology> snapshots_;  // of the store
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<std::pair<NodeId, NodeId>, TimePoint> cuts_;  // until then
  std::set<NodeId> slow_;
  TimePoint faults_end_;
  bool has_faults_ = true;  // until they are over
  bool is_over_ = false;
  std::uint64_t openings_ = 0;  // of a server for writes
  std::uint64_t next_client_ = 1;
  std::uint64_t played_back_ = 0;  // transactions of kElsewhere that were made
  std::vector<Transaction> acknowledged_;
  std::vector<failover::ManualFailover> admitted_;  // that lose writes
  std::optional<std::pair<NodeId, cluster::Term>> newest_;
  NodeId last_to_confirm_ = 0;  // a write
  Outcome outcome_;
};

}  // namespace dorsal::sim
