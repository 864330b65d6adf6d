// Whether the store has been put back to an older state, as etcd is from a snapshot, and what is
// done then. Internal to this folder.
//
// What a store has forgotten may have been a term, and writes that were acknowledged in it by nodes
// of which it knows no vote. So each node remembers, in its own folder and before it acts on it,
// which changes it has seen of who leads and who votes (cluster::Remembered); who takes part in an
// election has seen that it began, and who led has seen its own term, so that among any nodes that
// could elect or acknowledge there is one that notices. Then nobody takes writes, and the store's
// votes count no more: a new term begins when every member that the newest memory names has
// promised what it has.
// docs/decisions/nodes-remember-what-the-store-said.md
#pragma once

#include <string>
#include <vector>

#include "core/failover/decide.h"

namespace dorsal::failover {

// What a node that has seen this topology is to remember.
cluster::Remembered to_remember(const cluster::Topology& topology);

// By what the members have told it, and the node itself.
bool store_is_old(const cluster::Topology& topology);
bool store_is_old(const View& view);

// Or the election that follows has not ended.
bool is_after_restore(const View& view);

// No member has told that it remembers more than this node, which has told the others.
bool remembers_most(const View& view);

// Members, by name, that this node remembers and that are unknown to the store or down.
std::vector<std::string> missing_after_restore(const View& view);

// Somebody has seen changes, of whatever store.
bool anyone_remembers(const View& view);

// For people to read: what is waited for. REQUIRES: store_is_old().
std::string describe_old_store(const View& view);

// Of those who have promised, what the one remembers that remembers most. Null: nobody has. Of the
// pending election after a restore, as the next two.
const cluster::Remembered* newest_memory(const View& view);

// Members that have not promised yet.
std::vector<std::string> owing_promises(const View& view);

// The primary of the newest term, which has all that was ever acknowledged; what others have
// besides are strays. Null when its data is gone. REQUIRES: nobody owes a promise.
const cluster::Node* last_primary(const View& view);

}  // namespace dorsal::failover
