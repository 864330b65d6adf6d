// Stands beside one mysqld: keeps its lease, does what failover says, and tells the store.
//
// Each tick it takes one snapshot of the store and of its server, asks failover::decide() for one
// step, carries it out, and publishes how the node is. Long steps (initialise, clone) run beside
// the ticks, so that the lease is renewed and progress shown meanwhile.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/counters.h"
#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/topology.h"
#include "core/failover/agree.h"
#include "core/failover/decide.h"
#include "edge/coord/cluster_store.h"
#include "edge/coord/event_store.h"
#include "edge/instance/instance.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"
#include "edge/io/url.h"
#include "edge/peers/peers.h"

namespace dorsal::agent {

// So that tests can hold time still.
struct Clocks {
  TimePoint (*boot)();        // runs through suspend; measures the lease
  std::int64_t (*wall_ms)();  // stamps heartbeats and states
};
Clocks real_clocks();

struct Options {
  cluster::NodeName node;
  std::string address;                         // host:port, as other nodes reach this mysqld
  std::optional<cluster::ServerId> server_id;  // empty: the store gives one
  cluster::Charter charter;                    // written if the store has none yet
  bool is_charter_certain = false;  // run() fails when the store is that of another cluster
  std::string agent_address;        // host:port of its API; empty: it has none
  Duration tick = std::chrono::milliseconds(250);
  Duration publish_every = std::chrono::seconds(1);
  Duration heartbeat = std::chrono::milliseconds(500);
  std::string zone;  // published for the proxies, as is its share of the reads
  std::uint32_t read_weight = cluster::NodeState::kUsualReadWeight;
  std::uint32_t priority = cluster::NodeState::kUsualPriority;  // published, too
  std::string version;                                          // of the program; published, too
  std::string hook;                // program to run at each change of role; empty: none
  std::optional<io::Url> webhook;  // is told of it, too
  failover::Policy policy;         // mode and acks are taken from the charter in the store
  Clocks clocks = real_clocks();
};

class Agent {
 public:
  // All of them outlive the Agent.
  Agent(Options options,
        io::Loop& loop,
        coord::ClusterStore& store,
        instance::Instance& instance,
        Counters& counters);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Founds or joins the cluster and keeps the node upright. Returns after request_stop(), when
  // mysqld has been stopped cleanly (a primary is fenced first, and killed when that does not
  // succeed), or with the sentence to print when this node can never run: a folder of another
  // cluster, an address that another node has, a mysqld too old.
  //
  // When the calling task is cancelled it returns too, but then mysqld is killed.
  io::Task<Result<void>> run();

  // Questions to the other members go through these from now on; they outlive run(). Without them a
  // primary takes no writes while the store is out of reach.
  void ask_through(peers::Peers& peers);

  // What this node decides is written there from now on; it outlives run().
  void keep_diary_in(coord::EventStore& events);

  // Answers another member that asks whether this one still agrees that it leads. Who agrees begins
  // no election for the length of a lease.
  cluster::Agreement agree(const cluster::Claim& claim);

  // Makes run() return within about half a minute. On the loop's thread; may be called again.
  void request_stop();

  // What it knows now, for the other agents; on the loop's thread. Topology and state are as of its
  // last look at the store and at its server.
  failover::Knowledge knowledge() const;
  const cluster::Topology& topology() const;
  const cluster::NodeState& state() const;

  // The parts of run(), for tests: enter tick* leave.
  io::Task<Result<void>> enter();
  io::Task<> tick();
  io::Task<> leave();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dorsal::agent
