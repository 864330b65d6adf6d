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
#include "core/failover/agree.h"
#include "core/failover/decide.h"
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
  void violate(std::string what);

  // ---- network ----

  bool is_cut(NodeId from, NodeId to) const { return cuts_.contains({from, to}); }
  Duration latency(NodeId from, NodeId to);

  // Arrives later, or never.
  void send(NodeId from, NodeId to, std::function<void()> arrive);

  // ---- the beginning ----

  void found();
  Node& node(NodeId id) { return *nodes_[id]; }

  // ---- processes ----

  void start_agent(NodeId id);

  // mysqld dies with its agent.
  void kill_agent(NodeId id);
  void crash_server(NodeId id, std::string last_words, bool wants_restart = false);
  void start_server(NodeId id);

  // Runs something of an agent's, unless that agent is gone by then; a frozen one does it later.
  void as_agent(NodeId id, std::uint64_t life, std::function<void()> action);
  void tick_after(NodeId id, Duration delay);

  // ---- an agent's tick: read the store, look at the server, decide, act ----

  void tick(NodeId id);
  void read_store(NodeId id, const cluster::Topology& topology, std::uint64_t revision);
  failover::View view_of(NodeId id);

  // As service/agent does.
  static void set_goal(Agent& agent, failover::View& view);
  static cluster::ServerFacts facts_of(const Server& server);
  failover::Step decide(const failover::View& view) const {
    return failover::decide_by(plan_.rules, view, policy_);
  }

  void act(NodeId id);
  void finish(NodeId id, bool is_done);
  void publish(NodeId id, const failover::View& view, const failover::Step& step);
  cluster::Node& stored(NodeId id) { return store_.topology.nodes[id]; }

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

  // Behind commits that wait it can hang, and then the server is killed.
  void fence(NodeId id);

  // Who waits for an acknowledgement keeps the server from becoming read-only.
  void close_for_writes(NodeId id);

  // ---- replication ----

  void start_applier(NodeId id);
  void apply(NodeId id, std::uint64_t life);
  void restart_receiver(NodeId id);
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

  // A client is told OK.
  void confirm(NodeId source, const Server::Waiting& write);

  // ---- faults ----

  void schedule_faults(TimePoint end);
  void fault();

  // Only from a cluster that is whole: what k + 1 disks have is not lost with one of them.
  void lose_data(NodeId id);
  void cut(NodeId one, NodeId other, bool both_ways, Duration length);
  void thaw(NodeId id);
  void heal_all();

  // ---- people ----

  void ask_for_switchover(NodeId to);

  // ---- judging ----

  void opened(NodeId id, cluster::Term term);

  // Who promised, or handed over, counts on its lease no more.
  void check_lease(NodeId other, NodeId opened);
  void note_nodes();

  // Why the cluster has not healed yet; empty when it has.
  std::string what_is_wrong();
  std::string what_is_wrong_with(NodeId id, NodeId primary);

  // With all faults over the cluster has to heal, and to stay well for some seconds.
  void await_end(int times_well, std::size_t acknowledged_before);

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

}  // namespace dorsal::sim
