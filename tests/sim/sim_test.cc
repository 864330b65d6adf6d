#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "mutations.h"
#include "plan.h"

namespace dorsal::sim {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void expect_no_violation(std::size_t nodes, std::uint32_t acks, std::uint64_t seeds) {
  const std::uint64_t first = number_from("DORSAL_SIM_SEED", 1);
  const std::uint64_t count = number_from("DORSAL_SIM_SEEDS", seeds);
  std::uint64_t acknowledged = 0;
  std::uint64_t elections = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Plan plan;
    plan.seed = seed;
    plan.nodes = nodes;
    plan.acks = acks;
    const Outcome outcome = run(plan);
    acknowledged += outcome.acknowledged;
    elections += outcome.elections;
    if (outcome.violation.empty()) continue;
    std::string text;
    for (const auto& line : outcome.log) text += line + "\n";
    FAIL() << "seed " << seed << ": " << outcome.violation << "\n" << text;
  }
  std::printf("%zu nodes, %u acks: %llu seeds, %llu writes acknowledged, %llu changes of primary\n",
              nodes,
              acks,
              static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(acknowledged),
              static_cast<unsigned long long>(elections));
  EXPECT_GT(elections, 0U);
}

TEST(Simulator, TwoNodes) { expect_no_violation(2, 1, 500); }
TEST(Simulator, ThreeNodes) { expect_no_violation(3, 1, 3000); }
TEST(Simulator, FourNodes) { expect_no_violation(4, 1, 500); }
TEST(Simulator, FiveNodesWithOneAcknowledgement) { expect_no_violation(5, 1, 500); }
TEST(Simulator, FiveNodesWithTwo) { expect_no_violation(5, 2, 500); }

// The seed that finds it, if any of so many does.
std::optional<std::uint64_t> find(const Mutation& mutation,
                                  std::uint64_t seeds,
                                  std::string& violation) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Plan plan;
    plan.seed = seed;
    plan.nodes = mutation.nodes;
    plan.acks = mutation.acks;
    const auto table = failover::rule_table();
    plan.rules.assign(table.begin(), table.end());
    mutation.apply(plan);
    violation = run(plan).violation;
    if (!violation.empty()) return seed;
  }
  return std::nullopt;
}

TEST(Simulator, FindsEveryRuleThatIsBroken) {
  const std::uint64_t seeds = number_from("DORSAL_SIM_SEEDS", 5000);
  for (const Mutation& mutation : mutations()) {
    std::string violation;
    const auto seed = find(mutation, seeds, violation);
    EXPECT_TRUE(seed) << mutation.name << " is not found: " << mutation.breaks;
    if (!seed) continue;
    std::printf("%-30s seed %-5llu %s\n",
                mutation.name.c_str(),
                static_cast<unsigned long long>(*seed),
                violation.c_str());
  }
}

}  // namespace
}  // namespace dorsal::sim
