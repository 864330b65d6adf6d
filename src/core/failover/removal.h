// Taking a member out of the cluster, as an operator asks for it.
//
// A node that is up does it itself (rules_votes.cc): it gives up its vote, and ends. One that is
// down cannot say that it acknowledges no more writes, and from outside an agent that stands still
// beside a mysqld at work looks like one whose machine has burnt. Only a person can tell.
#pragma once

#include "base/result.h"
#include "core/cluster/topology.h"

namespace dorsal::failover {

// `is_gone` is the operator's word: no mysqld of the node runs, and none will before its data
// folder has been emptied. NotFound, or Conflict, in a sentence: there is no such node, it is the
// primary, its state and the operator's word contradict each other, or it is said to be gone while
// nobody leads: only a primary can tell that it has all that the vote stands for.
Result<void> check_removal(const cluster::Topology& topology,
                           const cluster::NodeName& name,
                           bool is_gone);

// For a node that is gone. False: it has no vote, or one that is lost already.
bool write_off_vote(cluster::Leadership& leadership, const cluster::NodeName& name);

}  // namespace dorsal::failover
