// Asks the other agents now and then how they are, so that a certificate that has run out, or a
// port that is blocked, is known before a fail-over depends on it. The connections stay open.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/deadline.h"
#include "core/cluster/topology.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"
#include "edge/peers/peers.h"

namespace dorsal::agent {

// The other members, and where their agents listen.
struct OtherAgents {
  std::vector<peers::PeerAddress> reachable;  // their address is known
  std::vector<cluster::NodeName> unknown;     // nobody knows where to ask these
};
OtherAgents other_agents(const cluster::Topology& topology, const cluster::NodeName& self);

class PeerWatch {
 public:
  // The topology is asked for at each look; an empty one has no members. All outlive the PeerWatch.
  PeerWatch(io::Loop& loop,
            peers::Peers& peers,
            Counters& counters,
            cluster::NodeName self,
            std::function<const cluster::Topology&()> topology)
      : loop_(loop),
        peers_(peers),
        counters_(counters),
        self_(std::move(self)),
        topology_(std::move(topology)) {}

  // Ends when cancelled.
  io::Task<> watch_for_ever(Duration every);

  // One look at all of them, which ends by the deadline.
  io::Task<> look(Deadline deadline);

  // The reason why a node is out of reach; empty when it answers, or nobody has looked yet.
  std::string trouble_with(const cluster::NodeName& node) const;

 private:
  struct Seen {
    int failures = 0;  // in a row
    bool is_known_lost = false;
    std::string trouble;
  };

  io::Task<> look_at(peers::PeerAddress peer, Deadline deadline);
  void note(const cluster::NodeName& node, const std::string& trouble);

  io::Loop& loop_;
  peers::Peers& peers_;
  Counters& counters_;
  const cluster::NodeName self_;
  const std::function<const cluster::Topology&()> topology_;
  std::map<cluster::NodeName, Seen> seen_;
};

}  // namespace dorsal::agent
