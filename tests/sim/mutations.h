// The rules that keep acknowledged writes, broken on purpose one at a time.
//
// A simulator that finds nothing proves nothing before it has found what is there to be found: each
// of these must lead to a violation within some thousand seeds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan.h"

namespace dorsal::sim {

struct Mutation {
  std::string name;
  std::string breaks;  // the rule, in a sentence
  std::size_t nodes = 3;
  std::uint32_t acks = 1;
  std::function<void(Plan&)> apply;
};

std::vector<Mutation> mutations();

}  // namespace dorsal::sim
