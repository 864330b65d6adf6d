#include "app/lookout.h"

#include <algorithm>
#include <utility>

#include "edge/io/clock.h"
#include "edge/io/scope.h"

namespace dorsal::app {
namespace {

constexpr auto kListenEvery = std::chrono::milliseconds(250);

// Agents publish once a second, and stores may be slow.
constexpr auto kPatience = std::chrono::milliseconds(2500);

}  // namespace

Lookout::Lookout(io::Loop& loop, coord::ClusterStore& records, bool is_one_machine)
    : loop_(loop), records_(records), trusts_clocks_(is_one_machine) {}

Result<coord::Snapshot> Lookout::look(Duration limit) {
  DORSAL_TRY(coord::Snapshot now, load(limit));
  const bool trusts_clocks = std::exchange(trusts_clocks_, true);
  if (!trusts_clocks && cluster::clocks_may_differ(now.topology, io::wall_ms())) {
    DORSAL_TRY(now, listen(std::move(now), limit));
  }
  now.topology = silence_.without_silent(std::move(now.topology), loop_.now());
  return now;
}

Result<coord::Snapshot> Lookout::load(Duration limit) {
  DORSAL_TRY(coord::Snapshot now, io::block_on(loop_, records_.load(loop_.after(limit))));
  silence_.note(now.topology, loop_.now(), io::wall_ms());
  return now;
}

// Until each node was heard, or was silent for long enough.
Result<coord::Snapshot> Lookout::listen(coord::Snapshot first, Duration limit) {
  const Deadline patience = loop_.after(kPatience);
  coord::Snapshot now = first;
  const auto all_are_settled = [&] {
    const auto believed = silence_.without_silent(now.topology, loop_.now());
    const bool was_long_enough = patience.has_passed(loop_.now());
    return std::ranges::all_of(believed.nodes, [&](const cluster::Node& node) {
      const cluster::Node* before = first.topology.find(node.member.name);
      if (before == nullptr || before->state.published_ms != node.state.published_ms) return true;
      return was_long_enough && node.state.role == cluster::Role::Down;
    });
  };
  while (!all_are_settled()) {
    (void)io::block_on(loop_, loop_.sleep_until(loop_.after(kListenEvery)));
    DORSAL_TRY(now, load(limit));
  }
  return now;
}

}  // namespace dorsal::app
