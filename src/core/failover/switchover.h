// A change of primary that somebody asks for while the present one is at work.
//
// It goes in steps, each recorded in the store (cluster::Switchover), so that any of the nodes may
// die between two of them:
//   1. the primary waits until the candidate says that it is ready, and is close, then lets proxies
//   hold back what would begin;
//   2. it lets open transactions end, and takes no more writes;
//   3. it begins an election (election.h) in which the candidate is told what it must have;
//   4. everybody promises, and the candidate leads.
// Until the third step the primary can give it up, and everything is as it was. From then on it is
// an election as any other, which somebody else may win if the candidate dies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "core/cluster/topology.h"

namespace dorsal::failover {

// Why it cannot become the primary now; empty when it can.
std::string why_unfit(const cluster::Topology& topology, const cluster::NodeName& name);

// The record that begins one. Without a wish, the fit replica of the highest priority and the least
// lag is chosen. NotFound: there is no such node. Conflict, with a sentence for people: it is not
// fit, or another switchover or an election is under way.
Result<cluster::Switchover> plan_switchover(const cluster::Topology& topology,
                                            const std::optional<cluster::NodeName>& wish,
                                            std::int64_t wall_ms);

}  // namespace dorsal::failover
