// What the rules ask of an election. Internal to this folder.
//
// A write is acknowledged once `acks` voters have received it. Once all but `acks - 1` voters have
// promised to receive nothing more of the older terms, the old primary cannot get that many
// acknowledgements any more, and whatever was acknowledged is held by one of those that promised.
// The old primary's own promise does as well: it has all that it ever sent. No clock is involved.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/failover/decide.h"

namespace dorsal::failover {

// A change of primary is under way.
bool election_is_pending(const View& view);

// The node, or this one, has promised the election's term, or a later one. REQUIRES:
// election_is_pending().
bool has_promised(const View& view, const cluster::Node& node);
bool has_promised(const View& view);

// This node has promised a term that nobody leads yet, so it follows and leads nothing.
bool is_bound(const View& view);

// How many voters there are beside the primary, and how many of them must promise.
struct Quorum {
  std::size_t voters = 0;
  std::size_t needed = 0;
};
Quorum quorum(const View& view);

// Why no election could come to an end now; empty when one could. Of voters that are down it is not
// known what they hold.
std::string why_not_electable(const View& view);

// Enough have promised.
bool is_decided(const View& view);

// Who is to lead: one that has all that any voter had that promised, or, where these are too few,
// all that the old primary had. Of several the candidate, else one that is not down, of the highest
// priority, in the order of names. If an operator has allowed that writes are lost, the candidate,
// whatever it has. Empty while the election is not decided, and when each lacks something that
// another one has.
std::optional<cluster::NodeName> elected(const View& view);

// Who is being waited for, for people to read. REQUIRES: election_is_pending().
std::string describe_election(const View& view);

// The primary renewed its lease last so long ago that it has run out by its own clock too.
bool lease_is_over(const View& view, const Policy& policy);

// All that this node has: executed, or received and to be applied yet. REQUIRES: the server
// answers.
mysql::GtidSet received(const View& view);

}  // namespace dorsal::failover
