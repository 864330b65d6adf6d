#include <fmt/chrono.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "mutations.h"
#include "plan.h"
#include "safety_rules.h"

namespace dorsal::sim {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

using cluster::Mode;

struct Kind {
  const char* what;
  std::size_t nodes = 3;
  std::uint32_t acks = 1;
  std::uint64_t seeds = 500;  // if nobody says otherwise
  cluster::Mode mode = cluster::Mode::SemiSync;
  bool writes_may_be_lost = false;
  bool store_is_restored = false;
  bool protection_changes = false;
};

Kind restored(Kind kind) {
  kind.store_is_restored = true;
  return kind;
}

Kind changing(Kind kind) {
  kind.protection_changes = true;
  return kind;
}

// What many runs have shown.
struct Tally {
  std::uint64_t acknowledged = 0;
  std::uint64_t unprotected = 0;
  std::uint64_t given_up = 0;
  std::uint64_t elections = 0;
  Duration longest_healing{};
  Duration longest_takeover{};

  void add(const Outcome& outcome) {
    acknowledged += outcome.acknowledged;
    unprotected += outcome.unprotected;
    given_up += outcome.given_up;
    elections += outcome.elections;
    longest_healing = std::max(longest_healing, outcome.healing);
    longest_takeover = std::max(longest_takeover, outcome.takeover);
  }
};

Plan plan_of(const Kind& kind, std::uint64_t seed) {
  Plan plan;
  plan.seed = seed;
  plan.nodes = kind.nodes;
  plan.acks = kind.acks;
  plan.mode = kind.mode;
  plan.writes_may_be_lost = kind.writes_may_be_lost;
  plan.store_is_restored = kind.store_is_restored;
  plan.protection_changes = kind.protection_changes;
  return plan;
}

class Simulator : public testing::TestWithParam<Kind> {};

TEST_P(Simulator, KeepsEveryInvariant) {
  const Kind& kind = GetParam();
  const std::uint64_t first = number_from("DORSAL_SIM_SEED", 1);
  const std::uint64_t count = number_from("DORSAL_SIM_SEEDS", kind.seeds);
  Tally tally;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = run(plan_of(kind, seed));
    tally.add(outcome);
    if (!outcome.violation) continue;
    std::string text;
    for (const auto& line : outcome.log) text += line + "\n";
    FAIL() << "seed " << seed << ": " << outcome.violation->text << "\n" << text;
  }
  using std::chrono::duration_cast;
  fmt::print(
      "{}: {} seeds, {} writes told OK, {} of them unprotected and {} given up, {} changes of "
      "primary, slowest healing {}, slowest take-over {}\n",
      kind.what,
      count,
      tally.acknowledged,
      tally.unprotected,
      tally.given_up,
      tally.elections,
      duration_cast<std::chrono::milliseconds>(tally.longest_healing),
      duration_cast<std::chrono::milliseconds>(tally.longest_takeover));
  EXPECT_GT(tally.elections, 0U);
  const bool may_be_unprotected = kind.mode != Mode::SemiSync || kind.protection_changes;
  EXPECT_EQ(tally.unprotected > 0, may_be_unprotected);
  EXPECT_EQ(tally.given_up > 0, kind.writes_may_be_lost);
}

INSTANTIATE_TEST_SUITE_P(Cluster,
                         Simulator,
                         testing::Values(Kind{"TwoNodes", 2, 1, 500},
                                         Kind{"ThreeNodes", 3, 1, 2000},
                                         Kind{"FourNodes", 4, 1, 400},
                                         Kind{"FiveNodes", 5, 1, 300},
                                         Kind{"FiveNodesWithTwoAcks", 5, 2, 400},
                                         Kind{"TwoNodesAvailable", 2, 1, 500, Mode::Available},
                                         Kind{"ThreeNodesAvailable", 3, 1, 800, Mode::Available},
                                         Kind{"FiveNodesAvailable", 5, 2, 200, Mode::Available},
                                         Kind{"ThreeNodesForced", 3, 1, 800, Mode::SemiSync, true},
                                         Kind{"FiveNodesForced", 5, 2, 200, Mode::SemiSync, true},
                                         Kind{"ThreeNodesAsync", 3, 1, 500, Mode::Async, true},
                                         restored({"ThreeNodesRestored", 3, 1, 800}),
                                         restored({"FiveNodesRestored", 5, 2, 200}),
                                         changing({"ThreeNodesChanging", 3, 1, 800}),
                                         changing({"ThreeNodesFromAsync", 3, 1, 500, Mode::Async}),
                                         changing({"FiveNodesChanging", 5, 2, 300})),
                         [](const auto& each) { return each.param.what; });

// The seed that finds it, if any of so many does.
std::optional<std::uint64_t> find(const Mutation& mutation,
                                  std::uint64_t seeds,
                                  std::string& violation) {
  const auto table = failover::rule_table();
  for (std::uint64_t seed = mutation.seed; seed < mutation.seed + seeds; ++seed) {
    Plan plan;
    plan.seed = seed;
    plan.nodes = mutation.nodes;
    plan.acks = mutation.acks;
    plan.mode = mutation.mode;
    plan.rules.assign(table.begin(), table.end());
    mutation.apply(plan);
    const auto found = run(plan).violation;
    if (!found || found->invariant != mutation.told_by) continue;
    violation = found->text;
    return seed;
  }
  return std::nullopt;
}

TEST(Mutations, BreakEveryRule) {
  const auto all = mutations();
  for (const SafetyRule& rule : safety_rules()) {
    const bool is_broken = std::ranges::any_of(all, [&](const Mutation& mutation) {
      return mutation.rule == rule.name;
    });
    EXPECT_TRUE(is_broken || !rule.elsewhere.empty()) << rule.name;
  }
  for (const Mutation& mutation : all) {
    EXPECT_TRUE(std::ranges::any_of(safety_rules(), [&](const SafetyRule& rule) {
      return rule.name == mutation.rule;
    })) << mutation.name;
  }
}

TEST(Mutations, ArePrintedWithTheirRules) {
  const std::string page = describe_safety_rules();
  if (std::getenv("DORSAL_UPDATE_GOLDEN") != nullptr) std::ofstream(DORSAL_SAFETY_PAGE) << page;
  std::ostringstream printed;
  printed << std::ifstream(DORSAL_SAFETY_PAGE).rdbuf();
  EXPECT_EQ(page, printed.str()) << "run this test with DORSAL_UPDATE_GOLDEN=1 and read the diff";
}

TEST(Mutations, AreFoundEachByItsInvariant) {
  const std::uint64_t seeds = number_from("DORSAL_SIM_SEEDS", 5000);
  const char* only = std::getenv("DORSAL_SIM_MUTATION");
  for (const Mutation& mutation : mutations()) {
    if (only != nullptr && mutation.name != only) continue;
    std::string violation;
    const auto seed = find(mutation, seeds, violation);
    EXPECT_TRUE(seed) << mutation.name << " is not found: " << mutation.breaks;
    if (!seed) continue;
    fmt::print("{:<30} {:<11} seed {:<5} {}\n",
               mutation.name,
               to_string(mutation.told_by),
               *seed,
               violation);
  }
}

}  // namespace
}  // namespace dorsal::sim
