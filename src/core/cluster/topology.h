// The shared nouns: who is in the cluster, who may write, and how each node says it is doing.
//
// These are plain values. The coordination store holds them one by one
// (edge/coord/cluster_store.h); a Topology is one consistent look at all of them, published as an
// immutable snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/named_type.h"
#include "base/published.h"
#include "base/result.h"

namespace dorsal::cluster {

using NodeName = NamedType<std::string, struct NodeNameTag>;
using ServerId = NamedType<std::uint32_t, struct ServerIdTag>;  // MySQL's server_id, 1 or more
using Term = NamedType<std::uint64_t, struct TermTag>;          // 0: nobody has led yet

// How many replicas must hold a write before its client is told of it.
enum class Mode {
  SemiSync,  // `acks` replicas, lossless (AFTER_SYNC), never falling back
  Async,     // none: a lost primary may lose acknowledged writes
};

enum class Role {
  Primary,  // holds the current term and takes writes
  Replica,  // follows the primary and may serve reads
  Joining,  // being initialised, cloned, or not caught up since; serves nothing
  Down,     // its agent or its mysqld is not there
};

std::string_view to_string(Mode mode);
std::string_view to_string(Role role);
Result<Mode> parse_mode(std::string_view text);
Result<Role> parse_role(std::string_view text);

// What the operator asked for, written once when the cluster is made.
struct Charter {
  std::string name;
  std::string uuid;  // tells this cluster from every other; also in each node's folder
  Mode mode = Mode::SemiSync;
  std::uint32_t acks = 1;
};

// A node that has been admitted. Its server_id is never given to another node again.
struct Member {
  NodeName name;
  ServerId server_id;
  std::string address;  // host:port of its mysqld
  bool joined = false;  // has held the cluster's data and been caught up at least once
  bool voter = false;   // its semi-sync acknowledgements count
};

// Who may write. Terms only grow; a new primary always has a new term.
struct Leadership {
  Term term;
  NodeName primary;
  std::uint64_t renewals = 0;   // the lease is alive while this number keeps changing
  std::int64_t renewed_ms = 0;  // wall clock at the last renewal, for people to read
};

// What a node's agent last said of its mysqld.
struct NodeState {
  Role role = Role::Down;
  std::optional<std::int64_t> pid;  // of the mysqld
  std::string server_uuid;          // as in its GTIDs; empty until known
  std::string server_version;
  std::string gtid_executed;
  std::string zone;  // where it stands: a rack, a site; empty: not said
  static constexpr std::uint32_t kUsualReadWeight = 100;
  std::uint32_t read_weight =
      kUsualReadWeight;                // its share of the reads, beside the others'; 0: none
  std::optional<std::int64_t> lag_ms;  // behind the primary; empty when it cannot be told
  bool semi_sync = false;  // primary: acknowledgements are required now; replica: it gives them
  bool healthy = false;
  std::string activity;  // what it is doing, or what is wrong, in a few words; may be empty
  std::int64_t published_ms = 0;  // wall clock of this state
};

struct Node {
  Member member;
  NodeState state;
};

struct Topology {
  Charter charter;
  Leadership leadership;    // term 0 while nobody leads
  std::vector<Node> nodes;  // sorted by name

  // Null when there is none of that name. Valid as long as the Topology.
  const Node* find(const NodeName& name) const;
  const Node* primary() const;
};

// A state that its agent has not renewed for this long counts as Down.
inline constexpr std::int64_t kStateExpires_ms = 5000;

// The topology with every state older than kStateExpires_ms at now_ms (wall clock) turned Down and
// unhealthy, so that a dead agent's last words are not believed for ever.
Topology without_expired(Topology topology, std::int64_t now_ms);

// The newest topology: app's watcher stores it, the services read it. Null until the coordination
// store was read for the first time.
using SharedTopology = Published<Topology>;

}  // namespace dorsal::cluster
