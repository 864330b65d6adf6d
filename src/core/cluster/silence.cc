#include "core/cluster/silence.h"

#include <algorithm>
#include <utility>

namespace dorsal::cluster {

bool clocks_may_differ(const Topology& topology, std::int64_t wall_ms) {
  constexpr std::int64_t kFuture_ms = 2000;
  std::size_t of_now = 0;
  for (const Node& node : topology.nodes) {
    const std::int64_t age_ms = wall_ms - node.state.published_ms;
    if (age_ms < -kFuture_ms) return true;
    if (age_ms <= kStateExpires_ms) ++of_now;
  }
  return of_now < std::min<std::size_t>(2, topology.nodes.size());
}

void Silence::note(const Topology& topology, TimePoint now, std::int64_t wall_ms) {
  std::map<NodeName, Heard> heard;
  for (const Node& node : topology.nodes) {
    const std::int64_t published_ms = node.state.published_ms;
    const auto known = heard_.find(node.member.name);
    TimePoint at = now;
    if (known == heard_.end()) {
      const auto age_ms = std::clamp<std::int64_t>(wall_ms - published_ms, 0, kStateExpires_ms + 1);
      at = now - std::chrono::milliseconds(age_ms);
    } else if (known->second.published_ms == published_ms) {
      at = known->second.at;
    }
    heard[node.member.name] = Heard{published_ms, at};
  }
  heard_ = std::move(heard);
}

Topology Silence::without_silent(Topology topology, TimePoint now) const {
  for (Node& node : topology.nodes) {
    const auto known = heard_.find(node.member.name);
    const bool is_heard = known != heard_.end() &&
                          now - known->second.at <= std::chrono::milliseconds(kStateExpires_ms);
    if (!is_heard) turn_down(node.state);
  }
  return topology;
}

}  // namespace dorsal::cluster
