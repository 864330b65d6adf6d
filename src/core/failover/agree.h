// Whether a node still agrees that another one leads, when that one asks it directly.
//
// A primary that cannot reach the store goes on only while every member agrees. So a yes must come
// from what the node knows now: it has promised nobody else, and knows of nobody newer. What it
// does not know does not count against the claim; a node that knows nothing at all does not agree.
#pragma once

#include <optional>
#include <string>

#include "core/cluster/peer.h"
#include "core/cluster/topology.h"

namespace dorsal::failover {

// What the node that is asked knows. A promise counts from when it is sent to the store, not from
// when the store confirms it: a lost answer may belong to a promise that was made.
struct Knowledge {
  std::string cluster;  // UUID; empty: the store has not been read yet
  cluster::NodeName self;
  cluster::Term term;                     // of the newest leadership seen
  cluster::NodeName primary;              // of that term
  bool store_answers = false;             // now
  std::optional<cluster::Term> election;  // the highest seen
  std::optional<cluster::Term> promised;  // the highest promised
};

// The same for what the store may have forgotten since.
void recall(Knowledge& known, const cluster::Remembered& remembered);

cluster::Agreement agree(const cluster::Claim& claim, const Knowledge& known);

}  // namespace dorsal::failover
