// The rules that keep acknowledged writes, broken on purpose one at a time.
//
// A simulator that finds nothing proves nothing before it has found what is there to be found: each
// of these must lead to a violation of its invariant within some thousand seeds. Any change to the
// world or to the rules moves seeds: the search goes on where the table is out of date.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan.h"

namespace dorsal::sim {

struct Mutation {
  std::string name;
  std::string rule;    // its name, see safety_rules.h
  std::string breaks;  // what no longer holds
  Invariant told_by = Invariant::Lost;
  std::uint64_t seed = 1;  // the search begins there
  std::function<void(Plan&)> apply;
  std::size_t nodes = 3;
  std::uint32_t acks = 1;
  cluster::Mode mode = cluster::Mode::SemiSync;
};

std::vector<Mutation> mutations();

}  // namespace dorsal::sim
