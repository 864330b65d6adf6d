// What an operator may ask of the cluster about acknowledgements, and whether it has got there.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "core/cluster/topology.h"

namespace dorsal::failover {

// Conflict, in a sentence, when it could not be kept: too few replicas could give so many, or
// nobody leads. What is asked for already is never refused.
Result<void> check_protection(const cluster::Topology& topology,
                              cluster::Mode mode,
                              std::uint32_t acks);

// Writes are acknowledged as the charter says, and elections are counted so.
bool protection_is_as_asked(const cluster::Topology& topology);

// Each write that was ever acknowledged is where elections look for it.
bool writes_are_protected(const cluster::Topology& topology);

}  // namespace dorsal::failover
