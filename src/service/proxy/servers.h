// The servers behind the proxy, as every loop sees them.
//
// A Server is made when a node is first seen and lives as long as the process; its numbers are
// atomics, shared by the loops and the monitors. A ServerView is one immutable look at which of
// them is the primary and which may serve reads; the loops take a new one when the topology
// changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/deadline.h"
#include "core/cluster/topology.h"
#include "core/routing/latency.h"
#include "core/routing/other_proxies.h"
#include "edge/io/endpoint.h"
#include "service/proxy/frontier.h"

namespace dorsal::proxy {

struct Server {
  Server(std::size_t index_, cluster::NodeName name_, io::Endpoint endpoint_, Counters& counters);

  const std::size_t index;  // in the Frontier
  const cluster::NodeName name;
  const io::Endpoint endpoint;

  // The monitor's last attempt succeeded, and what the server said then.
  std::atomic<bool> reachable{false};
  std::atomic<bool> takes_writes{false};
  // Statements of this process that run there now.
  std::atomic<std::int64_t> outstanding{0};
  routing::Latency latency;
  routing::OtherProxies other_proxies;

  // As its agent says; see config keys node.zone and node.read_weight.
  std::atomic<std::int64_t> lag_ms{-1};  // behind the primary; -1: nobody knows
  std::atomic<std::uint32_t> read_weight{cluster::NodeState::kUsualReadWeight};
  std::atomic<bool> is_near{false};  // in the proxy's zone

  // It was primary and said that it takes no writes: in the topology of this version, in this term.
  // Mostly another one is about to take its place, and sessions wait for that. One that stays
  // primary and closed for longer than they have patience was closed on purpose, and may say so.
  void said_closed(std::uint64_t version, cluster::Term term, TimePoint now);
  void took_a_write();
  bool is_closed_for_now(std::uint64_t version,
                         cluster::Term term,
                         TimePoint now,
                         Duration patience) const;
  bool is_closed_on_purpose(cluster::Term term, TimePoint now, Duration patience) const;

  // Changes of its global variables that are known of, see GlobalWatch.
  std::atomic<std::uint64_t> global_changes{0};

  // Whether a read may go there: it can be reached, and is not further behind than a listener
  // bears. No limit: zero.
  bool may_serve_reads(Duration max_lag) const;

  Number& statements;
  Number& connections;  // open now, monitors apart
  Number& others;       // proxies that have connections there; -1: it cannot be told

  // Waits for a position that timed out one after the other. A server that misses several in a row
  // is asked only now and then, so that a lagging replica costs its readers little.
  // is_keeping_up() tells whether worth_waiting() would say yes, and leaves the try to others.
  bool worth_waiting(TimePoint now) const;
  bool is_keeping_up(TimePoint now) const;
  void wait_succeeded();
  void wait_timed_out(TimePoint now);

 private:
  std::atomic<std::uint64_t> closed_in_{0};  // the version; 0: none
  std::atomic<std::uint64_t> closed_term_{0};
  std::atomic<std::int64_t> closed_since_ns_{0};
  std::atomic<int> missed_{0};
  mutable std::atomic<std::int64_t> next_try_ns_{0};
};

// Holds a server's count of statements under way.
class Outstanding {
 public:
  explicit Outstanding(Server& server) : server_(server) { server_.outstanding.fetch_add(1); }
  ~Outstanding() { server_.outstanding.fetch_sub(1); }
  Outstanding(const Outstanding&) = delete;
  Outstanding& operator=(const Outstanding&) = delete;

 private:
  Server& server_;
};

struct ServerView {
  std::shared_ptr<const cluster::Topology> topology;
  Server* primary = nullptr;       // null when the topology names none
  bool primary_says_open = false;  // its agent says that it takes writes
  bool is_held = false;            // nothing begins there, as it is about to be replaced
  Server* successor = nullptr;     // by this one
  std::vector<Server*> replicas;   // healthy and caught up, as their agents say
  std::vector<Server*> all;

  // The primary takes writes, as its agent says, or itself: while the agent alone cannot reach the
  // coordination store, what it last said there expires, and it leads on.
  bool primary_is_open() const { return primary_says_open || (primary && primary->takes_writes); }

  // It is the primary, and statements that need it may begin there.
  bool takes_statements(const Server& server) const {
    return primary == &server && primary_is_open() && !is_held;
  }

  // No other proxy can have told clients of writes to these servers.
  bool excludes_other_proxies(TimePoint now) const;
};

class Servers {
 public:
  // `zone` is the proxy's own; empty: none is nearer than others.
  Servers(Counters& counters, std::string zone) : counters_(counters), zone_(std::move(zone)) {}

  // The view of this topology. Nodes beyond kMaxServers are left out.
  std::shared_ptr<const ServerView> view(std::shared_ptr<const cluster::Topology> topology);

 private:
  Server* find_or_make(const cluster::Member& member);

  Counters& counters_;
  const std::string zone_;
  std::mutex mutex_;  // guards servers_
  std::deque<Server> servers_;
};

}  // namespace dorsal::proxy
