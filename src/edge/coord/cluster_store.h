// The cluster's nouns in the coordination store, one key each, as JSON.
//
//   cluster            Charter
//   leadership         Leadership: term, primary, lease renewals, votes
//   member/<node>      Member: address, server_id, joined
//   state/<node>       NodeState: written about once a second by that node's agent alone
//   promise/<node>     Promise: written by that node's agent alone; its term only grows
//   pause              Pause: while it is there
//   server-id/<n>      the node that owns server_id n, so that none is given twice
//
// All writes are compare-and-swapped; that of state/ is repeated on a conflict, as the newest word
// of an agent wins. Unknown JSON fields are kept out of the values but never refused, so that a
// newer version's store can be read. Methods run on the store's loop. Each fails as its store does,
// or with Corrupt, naming the key, when a record makes no sense.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/topology.h"
#include "edge/coord/coord_store.h"
#include "edge/io/task.h"

namespace dorsal::coord {

struct Snapshot {
  cluster::Topology topology;  // raw: expired states are not turned Down
  bool has_charter = false;
  Revision leadership_revision;  // zero while nobody leads
  Revision newest;               // all up to here is in it; for changed_since()
};

class ClusterStore {
 public:
  // The store must outlive this object.
  explicit ClusterStore(CoordStore& store) : store_(store) {}

  io::Task<Result<Snapshot>> load(Deadline deadline);
  io::Task<Result<Revision>> changed_since(Revision seen, Deadline deadline);

  // Writes the charter when there is none yet, else returns the one that is there.
  io::Task<Result<cluster::Charter>> found(cluster::Charter charter, Deadline deadline);

  // What an operator wants from now on; see Leadership::acks for what holds. NotFound when there is
  // no charter yet.
  io::Task<Result<void>> change_charter(cluster::Mode mode, std::uint32_t acks, Deadline deadline);

  // Admits a node, or returns it as admitted before, with its address as it is now. The server_id
  // is the lowest never given, or `wanted`. Conflict, with a sentence that names both nodes, when
  // the wanted server_id or the address belongs to another node. May be repeated after any failure.
  io::Task<Result<cluster::Member>> admit(cluster::NodeName name,
                                          std::string address,
                                          std::optional<cluster::ServerId> wanted,
                                          Deadline deadline);

  // Changes joined of a member that exists; NotFound when it does not.
  io::Task<Result<void>> update_member(cluster::Member member, Deadline deadline);

  // Notes what an operator asks of a member, and says by which stamp: that of the wall clock, or a
  // later one where somebody whose clock was ahead has asked before. NotFound when there is none of
  // that name.
  io::Task<Result<std::int64_t>> ask_member(cluster::NodeName name,
                                            std::int64_t cluster::Member::*asked_ms,
                                            std::int64_t wall_ms,
                                            Deadline deadline);

  // It is no member any more; its server_id stays its own. Started again, it is admitted anew.
  io::Task<Result<void>> forget_member(cluster::NodeName name, Deadline deadline);

  // Compare-and-swap on the revision that a Snapshot carried. Conflict: somebody else was first.
  io::Task<Result<Revision>> lead(cluster::Leadership leadership,
                                  Revision expected,
                                  Deadline deadline);

  // Conflict when the node has promised a later term already.
  io::Task<Result<void>> promise(cluster::NodeName name,
                                 cluster::Promise promise,
                                 Deadline deadline);

  // Whether there was none, or one, before.
  io::Task<Result<bool>> pause(cluster::Pause pause, Deadline deadline);
  io::Task<Result<bool>> resume(Deadline deadline);

  io::Task<Result<void>> publish(cluster::NodeName name,
                                 cluster::NodeState state,
                                 Deadline deadline);

 private:
  struct Roll;  // the members and server_ids as of one moment

  io::Task<Result<Roll>> read_roll(Deadline deadline);
  io::Task<Result<void>> change_member(cluster::NodeName name,
                                       std::function<void(cluster::Member&)> change,
                                       Deadline deadline);
  io::Task<Result<cluster::ServerId>> claim_server_id(cluster::NodeName name,
                                                      std::optional<cluster::ServerId> wanted,
                                                      Deadline deadline);
  io::Task<Result<cluster::Member>> settle(cluster::Member member, Deadline deadline);
  io::Task<Result<void>> withdraw(std::string key,
                                  Revision written,
                                  std::optional<Entry> before,
                                  Deadline deadline);

  CoordStore& store_;
  Revision seen_;  // what changed_since() returned last: a load() after it contains that
  std::map<std::string, Revision> published_;  // of the states that this object wrote
};

}  // namespace dorsal::coord
