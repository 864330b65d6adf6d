// What it costs to choose a replica.
#include <benchmark/benchmark.h>

#include <vector>

#include "core/routing/route.h"

namespace {

using dorsal::routing::Candidate;

void choose_reader(benchmark::State& state) {
  std::vector<Candidate> candidates(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    candidates[i].usable = true;
    candidates[i].covers = i % 2 == 0;
    candidates[i].known = 1'000'000 + i;
    candidates[i].outstanding = static_cast<std::int64_t>(i % 3);
  }
  std::size_t turn = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(dorsal::routing::choose_reader(candidates, turn++));
  }
}
BENCHMARK(choose_reader)->Arg(2)->Arg(8);

void route(benchmark::State& state) {
  const auto statement = dorsal::sql::classify("SELECT c FROM sbtest1 WHERE id=5025", {});
  const dorsal::routing::SessionView session;
  for (auto _ : state) {
    benchmark::DoNotOptimize(dorsal::routing::route(statement, session));
  }
}
BENCHMARK(route);

}  // namespace
