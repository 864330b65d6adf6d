// What the rules ask of a View. Internal to this folder.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/failover/decide.h"

namespace dorsal::failover {

const cluster::Member* own_member(const View& view);  // null: the store does not know this node

bool is_recorded_primary(const View& view);

bool is_resting(const View& view, Action action);

bool anyone_has_joined(const View& view);

// Replicas that have joined; the primary is not among them.
std::size_t joined_replicas(const View& view);

// True once the primary's own record says that acknowledgements are required for every commit. That
// record is written after semi-sync was switched on there, and is never taken back, so it also
// holds for a primary that is down or restarting.
bool acks_are_required(const View& view);

// True when the mode asks for acknowledgements and enough replicas to give them have joined.
bool acks_are_possible(const View& view);

// True for a primary whose writes nobody could acknowledge, ever: the replicas that did have lost
// their data. A replica that is only down does not count as lost.
bool lacks_replicas_for_acks(const View& view);

// Transactions that this replica has and the primary lacks. The primary's own newest ones do not
// count, as its published position is older than ours. Empty while the primary's is not known.
mysql::GtidSet strays(const View& view);

// What the recorded primary has executed as it last said; empty when it never did.
std::optional<mysql::GtidSet> primary_position(const View& view);

struct Missing {
  cluster::NodeName holder;
  mysql::GtidSet transactions;
};

// Transactions that this primary lacks and a replica whose word counts has.
std::optional<Missing> missing_here(const View& view);

// True when the configured source is the recorded primary, in the way we configure it.
bool follows_primary(const View& view);

bool all_retrieved_is_applied(const View& view);

// Whom to clone from: a healthy replica, so that the primary is spared, else the primary, even if
// it takes no writes because it has no replica.
std::optional<cluster::NodeName> choose_donor(const View& view);

// "a:1-3,b:7", cut to a length that fits a line.
std::string shorten(const mysql::GtidSet& set);

// ---- making steps ----

Step keep(std::string activity = {});
Step act(Action action, std::string activity);
Step update_member(cluster::Member member, std::string activity);

}  // namespace dorsal::failover
