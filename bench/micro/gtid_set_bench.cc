// What it costs to read and compare GTID sets.
#include <benchmark/benchmark.h>

#include <string>

#include "core/mysql/gtid_set.h"

namespace {

using dorsal::mysql::GtidSet;

// One transaction, or a set with holes, as a replica with many appliers has it for a moment.
std::string text_with_holes(std::int64_t holes) {
  std::string text = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-1000000";
  for (std::int64_t i = 1; i <= holes; ++i) {
    auto first = std::to_string(1'000'000 + i * 10);
    text += ":" + first + "-" + std::to_string(1'000'000 + i * 10 + 5);
  }
  return text;
}

void parse(benchmark::State& state) {
  const std::string text = text_with_holes(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(dorsal::mysql::parse_gtid_set(text));
  }
}
BENCHMARK(parse)->Arg(0)->Arg(16)->Arg(256);

void contains(benchmark::State& state) {
  const GtidSet all = *dorsal::mysql::parse_gtid_set(text_with_holes(state.range(0)));
  const GtidSet one = *dorsal::mysql::parse_gtid_set("3e11fa47-71ca-11e1-9e33-c80aa9429562:999999");
  for (auto _ : state) {
    benchmark::DoNotOptimize(all.contains(one));
  }
}
BENCHMARK(contains)->Arg(0)->Arg(16)->Arg(256);

void subtract(benchmark::State& state) {
  const GtidSet all = *dorsal::mysql::parse_gtid_set(text_with_holes(state.range(0)));
  const GtidSet most =
      *dorsal::mysql::parse_gtid_set("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-1000100");
  for (auto _ : state) {
    GtidSet rest = all;
    rest.subtract(most);
    benchmark::DoNotOptimize(rest);
  }
}
BENCHMARK(subtract)->Arg(0)->Arg(16)->Arg(256);

}  // namespace
