// Questions to the other agents, asked directly, without the coordination store between.
//
// All calls end by their deadline and may be repeated at will: they change nothing. Methods run on
// one loop; any number of calls may be under way. Failures begin with the node and its address:
//   Unavailable  it cannot be reached, or does not answer for now
//   Timeout      it did not answer in time
//   Invalid      the certificate of one side is refused by the other, or what answers there is
//                another node than the one that was asked for, or of another cluster
//   Conflict     the two versions of Dorsal do not understand each other
//   Corrupt      the answer makes no sense
// A call that fails says nothing about what the node knows, and is never a yes.
#pragma once

#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/peer.h"
#include "edge/io/endpoint.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::peers {

struct PeerAddress {
  cluster::NodeName node;
  io::Endpoint endpoint;  // where its agent listens
};

class Peers {
 public:
  virtual ~Peers() = default;

  virtual io::Task<Result<cluster::PeerState>> state(PeerAddress peer, Deadline deadline) = 0;

  // Whether it still agrees with the claim. An answer is what that agent knew when it was asked,
  // and no promise: it may be another one a moment later. An agent that does not answer anything is
  // not asked this.
  virtual io::Task<Result<cluster::Agreement>> agree(PeerAddress peer,
                                                     cluster::Claim claim,
                                                     Deadline deadline) = 0;
};

// Asks all of them at once; the answers are in their order. The loop and the Peers outlive it.
io::Task<std::vector<Result<cluster::Agreement>>> ask_all(io::Loop& loop,
                                                          Peers& peers,
                                                          std::vector<PeerAddress> asked,
                                                          cluster::Claim claim,
                                                          Deadline deadline);

}  // namespace dorsal::peers
