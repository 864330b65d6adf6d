// What agents say to each other directly, without the coordination store between them.
//
// Plain values: edge/peers carries them over the network, core/failover judges them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/cluster/topology.h"

namespace dorsal::cluster {

// What an agent knows at the moment when it is asked.
struct PeerState {
  NodeName node;
  std::string cluster;           // UUID of its cluster
  std::string version;           // of its program
  Term term;                     // the highest that it knows of; 0: it has not read the store yet
  NodeName primary;              // of that term
  std::optional<Term> election;  // of an election that it knows of
  std::optional<Term> promised;  // the highest that it has promised
  bool store_answers = false;    // now; else the rest is as the store last said
  Role role = Role::Down;
  bool is_healthy = false;
  std::string server_uuid;
  std::string gtid_executed;
  std::string activity;
};

// "I am the primary of this term; do you still agree that I lead?"
struct Claim {
  std::string cluster;  // UUID
  NodeName node;
  Term term;
};

// Why an agent does not agree.
enum class Objection {
  None,
  OtherCluster,  // the claim is for another cluster than its own
  KnowsNothing,  // it has not read the store since it started
  NewerTerm,     // it knows of a term above
  OtherPrimary,  // it knows another primary of that very term
  Election,      // it knows of an election for a term above
  Promise,       // it has promised a term above
};

std::string_view to_string(Objection objection);
Result<Objection> parse_objection(std::string_view text);

struct Agreement {
  Objection objection = Objection::None;
  std::string reason;          // one sentence; empty when it agrees
  Term term;                   // the highest that it knows of
  bool store_answers = false;  // it has what it knows from the store now, not from before

  bool agrees() const { return objection == Objection::None; }
};

}  // namespace dorsal::cluster
