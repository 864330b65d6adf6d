// What the rules ask of a View. Internal to this folder.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "core/failover/decide.h"

namespace dorsal::failover {

const cluster::Member* own_member(const View& view);  // null: the store does not know this node

bool is_recorded_primary(const View& view);

bool is_resting(const View& view, Action action);

bool anyone_has_joined(const View& view);

// Replicas that have joined and may vote; the primary is not among them.
std::size_t joined_replicas(const View& view);

// This node's acknowledgements count, from now on too.
bool is_voter(const View& view);

// It is meant to have a vote: it could lead, and is not about to leave.
bool may_vote(const View& view);
bool may_vote(const cluster::Node& node);

// It was asked to leave the cluster, and nothing depends on it any more.
bool has_left_for_good(const View& view);

// Whether as many voters as a write needs, beside the primary and the one that is left out, are
// such that the predicate holds. Where writes need none it always is.
bool enough_voters(const View& view,
                   const cluster::NodeName& left_out,
                   const std::function<bool(const cluster::Node&)>& predicate);

// How many such voters there are.
std::size_t count_voters(const View& view,
                         const cluster::NodeName& left_out,
                         const std::function<bool(const cluster::Node&)>& predicate);

// It has last said that it has executed all of these. False when what it said cannot be read.
bool has_executed(const cluster::Node& node, const mysql::GtidSet& transactions);

// Null when this node has no vote.
const cluster::Vote* own_vote(const View& view);

// True once the primary's own vote says that acknowledgements are required for every commit. That
// vote is given after semi-sync was switched on there, and is never taken back, so it also
// holds for a primary that is down or restarting. In mode Async it ends when the store says that
// writes are not protected.
bool acks_are_required(const View& view);

// And the primary does not go on without them. True also before all that it wrote without them is
// protected.
bool writes_wait_for_acks(const View& view);

// This primary's server requires them, as many as it has to.
bool requires_acks(const View& view);

// True while every acknowledged write is on as many voters as elections count on.
bool writes_are_protected(const View& view);

// True when the mode asks for acknowledgements and enough replicas to give them have joined.
bool acks_are_possible(const View& view);

// It has not joined, and is about to.
bool is_being_made(const cluster::Node& node);

// Of those that have joined, the ones that are not to be cloned anew. REQUIRES: this node is the
// primary.
std::size_t replicas_that_could_acknowledge(const View& view);

// True for a primary whose writes nobody could acknowledge before a replica was made anew: those
// that there were have lost their data, or have strays or are left behind, and wait for their turn.
// A replica that is only down does not count as lost.
bool lacks_replicas_for_acks(const View& view);

// Transactions that this replica has, applied or not, and the primary lacks: of its own writes all,
// of others what is settled, as the primary's published position is older than ours. The primary's
// own newest writes do not count. Empty while its position is not known, and at the primary.
mysql::GtidSet strays(const View& view);

// The primary has purged what this replica lacks, by the set that it publishes. That its server
// says so, too, is no proof: it does whenever it cannot open a binlog, for want of a descriptor
// say.
bool is_left_behind(const View& view);

// Why this replica can never become what the primary is by replication; empty when it can.
std::string reason_to_rebuild(const View& view, const Policy& policy);

// What the node has executed as it last said. One that cannot be read is empty, as "not known".
std::optional<mysql::GtidSet> position_of(const cluster::Node& node);

// What the recorded primary has executed as it last said; empty when it never did.
std::optional<mysql::GtidSet> primary_position(const View& view);

// What this node has and the recorded primary must have, too; empty when nothing can be said. Of
// what others have of older terms an elected primary may lack some, which nobody was told of; but
// nothing that it sent itself. Whoever has strays is cloned, and then has a UUID that it never had
// before.
std::optional<mysql::GtidSet> owed_by_primary(const View& view, const cluster::Node& node);

struct Missing {
  cluster::NodeName holder;
  mysql::GtidSet transactions;
};

// Transactions that this primary lacks and a replica whose word counts has.
std::optional<Missing> missing_here(const View& view);

// True when the configured source is the recorded primary, in the way we configure it.
bool follows_primary(const View& view);

// Nothing could be written beside its data for longer than a moment.
bool storage_is_broken(const View& view, const Policy& policy);

// Its server let no new connection in for longer than a moment.
bool door_is_closed(const View& view, const Policy& policy);

// Neither is the case.
bool could_serve(const View& view, const Policy& policy);

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
// As many as the primary has to.
Step require_acks(const View& view, std::string activity);
// Waits for the applier to have it, unless that was found to be impossible a moment ago.
Step await(mysql::GtidSet transactions, const View& view, std::string activity);
// With this node's vote as it is to be.
Step change_own_vote(const View& view, cluster::Vote::State state, std::string activity);

}  // namespace dorsal::failover
