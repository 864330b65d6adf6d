// What keeps acknowledged writes, rule by rule, and which mutation breaks each of them.
//
// docs/keeping-writes.md is printed from this table and that of the mutations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dorsal::sim {

struct SafetyRule {
  std::string_view name;      // of Mutation::rule
  std::string_view sentence;  // for people to read
  // What shows of the rule that has no place in the model, so that no mutation breaks it there.
  std::string_view elsewhere;
};

const std::vector<SafetyRule>& safety_rules();

// The page: rules in their order, each with its mutations, their invariants and seeds.
std::string describe_safety_rules();

}  // namespace dorsal::sim
