// The shared nouns: who is in the cluster, who may write, and how each node says it is doing.
//
// These are plain values. The coordination store holds them one by one
// (edge/coord/cluster_store.h); a Topology is one consistent look at all of them, published as an
// immutable snapshot.
#pragma once

#include <cstdint>
#include <map>
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
  SemiSync,   // `acks` replicas, lossless (AFTER_SYNC), never falling back
  Available,  // the same, but when too few replicas are there for a while, none until they are back
  Async,      // none: a lost primary may lose acknowledged writes
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

// What the operator asked for. Name and UUID never change; mode and acks do at an operator's word,
// and hold once the leadership says so.
struct Charter {
  std::string name;
  std::string uuid;  // tells this cluster from every other; also in each node's folder
  Mode mode = Mode::SemiSync;
  std::uint32_t acks = 1;

  bool wants_acks() const { return mode != Mode::Async; }
};

// A node that has been admitted. Its server_id is never given to another node again.
struct Member {
  NodeName name;
  ServerId server_id;
  std::string address;  // host:port of its mysqld
  bool joined = false;  // has held the cluster's data and been caught up at least once
  // What operators have asked of it, each by the wall clock then; 0: nothing.
  std::int64_t restart_asked_ms = 0;  // its mysqld is to be started anew
  std::int64_t rebuild_asked_ms = 0;  // its data is to be dropped and cloned anew
  std::int64_t removal_asked_ms = 0;  // it is to leave the cluster
};

// What a node's acknowledgements are worth. A write that was acknowledged is on the primary and on
// `acks` others that have a vote; so a vote is not taken away before enough of the others have all
// that it stood for.
struct Vote {
  enum class State {
    Counts,
    Leaving,    // the node is to give no more acknowledgements
    Withdrawn,  // it gives none, and has all that it ever acknowledged
    Lost,       // it gives none, and may have lost what it acknowledged
  };
  State state = State::Counts;
  // Of one that is withdrawn or lost: the GTID set that others must have before it is taken out.
  // Empty: the primary has not said yet.
  std::optional<std::string> needed;

  bool operator==(const Vote&) const = default;
};

std::string_view to_string(Vote::State state);
Result<Vote::State> parse_vote_state(std::string_view text);

using Votes = std::map<NodeName, Vote>;  // whoever is not in it has none

// What a node keeps in its own folder of what the store has told it, so that a store that was put
// back to an older state is noticed.
struct Remembered {
  std::uint64_t changes = 0;  // Leadership::changes; 0: nothing yet
  Term term;                  // of the newest primary
  NodeName primary;
  Term election;                  // the newest; 0: that of the primary
  std::vector<NodeName> members;  // everybody then, by name

  bool operator==(const Remembered&) const = default;
};

// A change of primary that is under way. It ends when somebody leads with its term.
struct Election {
  Term term;  // above every other so far
  NodeName begun_by;
  std::string reason;         // for people to read
  std::int64_t begun_ms = 0;  // wall clock, for people to read
  // Who is meant to lead, if nothing speaks against it. Empty: whoever can.
  std::optional<NodeName> candidate = std::nullopt;
  // Of a switchover: the GTID set with which the old primary stopped. The candidate receives from
  // it until it has all of that.
  std::optional<std::string> barrier = std::nullopt;
  // An operator has allowed that acknowledged writes are lost: the candidate leads with what it
  // has, whatever the others have.
  bool may_lose_writes = false;
  // The store has been put back to an older state, so that its votes mean nothing: every member
  // must promise.
  bool after_restore = false;
};

// A change of primary that somebody asked for while the present one is at work. It ends with a new
// term, or is given up.
struct Switchover {
  NodeName to;
  std::string reason;         // for people to read
  std::int64_t begun_ms = 0;  // wall clock; tells it from the one before
  std::int64_t drain_ms = 0;  // how long transactions that are open may take to end
  bool holding = false;       // proxies begin nothing new on the primary
  std::string given_up;       // why it was given up; empty: it is under way

  bool is_under_way() const { return given_up.empty(); }
  bool operator==(const Switchover&) const = default;
};

// Who may write. Terms only grow; a new primary always has a new term.
struct Leadership {
  Term term;
  NodeName primary;
  std::uint64_t renewals = 0;   // the lease is alive while this number keeps changing
  std::int64_t renewed_ms = 0;  // wall clock at the last renewal, for people to read
  std::int64_t lease_ms = 0;    // it runs out when it was not renewed for so long; 0: not said
  // Its primary's own agent says that it takes no more writes, so nobody waits for the lease.
  bool handed_over = false;
  std::optional<Election> election;
  std::optional<Switchover> switchover;  // the newest since the term began
  // How often there was a new term, election or set of votes, or another protection; it only grows.
  // 0: written by a version that did not count.
  std::uint64_t changes = 0;
  // The GTID set that its primary promised; empty if it was not elected but was the first.
  std::optional<std::string> elected_with;
  // The primary goes on without acknowledgements, or has written without any, so whoever takes over
  // may lack writes. Recorded before the first such write, and until the voters have them all.
  bool unprotected = false;
  // How many voters have every write that was acknowledged, beside the primary, while writes are
  // protected: elections are counted by it. 0: written by a version that knew none.
  std::uint32_t acks = 0;
  // Here, so that no election is counted with votes that change meanwhile. The primary's own says
  // that acknowledgements are required.
  Votes votes;
};

// A node's word that it takes part in nothing of an older term any more: it receives from no
// primary of one, and if it was the primary it takes no writes. What it had then is all that it
// will ever have of those terms.
struct Promise {
  Term term;
  std::string received;  // the GTID set that it has: executed, or received and to be applied yet
  bool may_lead = true;  // false: it has strays besides, which are not in `received`
  std::optional<Remembered> remembered = std::nullopt;  // of an election after a restore
};

// What a node's agent last said of its mysqld.
struct NodeState {
  Role role = Role::Down;
  std::optional<std::int64_t> pid;  // of the mysqld
  std::string server_uuid;          // as in its GTIDs; empty until known
  std::string server_version;
  std::string version;  // of its agent's program; empty: not said
  std::string gtid_executed;
  std::string gtid_purged;    // of these, those that are in no binlog of its any more
  std::string agent_address;  // host:port of its agent's API; empty: it has none
  std::string zone;           // where it stands: a rack, a site; empty: not said
  static constexpr std::uint32_t kUsualReadWeight = 100;
  std::uint32_t read_weight =
      kUsualReadWeight;                // its share of the reads, beside the others'; 0: none
  std::optional<std::int64_t> lag_ms;  // behind the primary; empty when it cannot be told
  static constexpr std::uint32_t kUsualPriority = 50;
  std::uint32_t priority =
      kUsualPriority;  // of those that could lead the highest does; 0: never, and it has no vote
  // The newest request that it has carried out, see Member.
  std::int64_t restarted_ms = 0;
  std::int64_t rebuilt_ms = 0;
  std::int64_t ready_for_ms = 0;  // Switchover::begun_ms of the one that it is ready to lead after
  Remembered remembered;          // but for the members, which it says when it promises
  bool semi_sync = false;  // primary: acknowledgements are required now; replica: it gives them
  bool useless = false;    // what it has is to be dropped and cloned anew
  bool healthy = false;
  std::string activity;  // what it is doing, or what is wrong, in a few words; may be empty
  std::int64_t published_ms = 0;  // wall clock of this state
};

struct Node {
  Member member;
  NodeState state;
  std::optional<Promise> promise;  // its newest
};

// The operator wants nothing decided without them: no fail-over happens by itself.
struct Pause {
  std::string reason;         // for people to read; may be empty
  std::int64_t begun_ms = 0;  // wall clock
};

struct Topology {
  Charter charter;
  std::optional<Pause> pause;
  Leadership leadership;    // term 0 while nobody leads
  std::vector<Node> nodes;  // sorted by name

  // Null when there is none of that name. Valid as long as the Topology.
  const Node* find(const NodeName& name) const;
  const Node* primary() const;
  const Vote* vote_of(const NodeName& name) const;
  bool is_voter(const NodeName& name) const;  // its acknowledgements count from now on, too
  // As Leadership::acks, and where that is not said, as the charter has it.
  std::uint32_t acks_in_force() const;
  // How many a primary has to require: what is asked for, and never fewer than are in force.
  std::uint32_t acks_to_require() const;
  // For an election in a store that may have been put back to an older state, and for
  // Leadership::changes then: above all that any member is known to have heard of.
  Term next_term() const;
  std::uint64_t next_change() const;
  // A switchover is about to take place: statements for the primary are held back.
  bool holds_statements() const;
};

// A state that its agent has not renewed for this long counts as Down.
inline constexpr std::int64_t kStateExpires_ms = 5000;

// What is left of the last words of an agent that is silent: Down, and unhealthy.
void turn_down(NodeState& state);

// The newest topology: app's watcher stores it, the services read it. Null until the coordination
// store was read for the first time.
using SharedTopology = Published<Topology>;

}  // namespace dorsal::cluster
