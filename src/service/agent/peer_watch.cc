#include "service/agent/peer_watch.h"

#include <utility>

#include "base/log.h"
#include "edge/io/scope.h"

namespace dorsal::agent {
namespace {

using io::Task;

// A node that starts is not there for a moment.
constexpr int kFailuresUntilSaid = 2;

}  // namespace

OtherAgents other_agents(const cluster::Topology& topology, const cluster::NodeName& self) {
  OtherAgents others;
  for (const auto& node : topology.nodes) {
    const auto& name = node.member.name;
    if (name == self) continue;
    auto endpoint = io::parse_endpoint(node.state.agent_address);
    if (endpoint) {
      others.reachable.push_back({name, *std::move(endpoint)});
    } else {
      others.unknown.push_back(name);
    }
  }
  return others;
}

Task<> PeerWatch::watch_for_ever(Duration every) {
  for (;;) {
    const Deadline next = loop_.after(every);
    co_await look(next);
    if (!co_await loop_.sleep_until(next)) co_return;
  }
}

Task<> PeerWatch::look(Deadline deadline) {
  const auto others = other_agents(topology_(), self_);
  for (const auto& name : others.unknown) note(name, "it has told no address of its agent");
  io::Scope scope(loop_);
  for (const auto& peer : others.reachable) scope.spawn(look_at(peer, deadline));
  co_await scope.join();
}

Task<> PeerWatch::look_at(peers::PeerAddress peer, Deadline deadline) {
  const auto node = peer.node;
  auto state = co_await peers_.state(std::move(peer), deadline);
  if (co_await io::cancelled()) co_return;
  note(node, state ? std::string() : state.error().message);
}

void PeerWatch::note(const cluster::NodeName& node, const std::string& trouble) {
  Seen& seen = seen_[node];
  seen.trouble = trouble;
  seen.failures = trouble.empty() ? 0 : seen.failures + 1;
  counters_
      .gauge("dorsal_agent_peer_answers",
             "1 when the agent of that node answers this one.",
             {{"node", self_.value()}, {"peer", node.value()}})
      .set(trouble.empty() ? 1 : 0);
  const bool is_lost = seen.failures >= kFailuresUntilSaid;
  const bool is_back = seen.failures == 0 && seen.is_known_lost;
  if (is_lost && !seen.is_known_lost) {
    log_warn("agent", "node={} peer={} api=lost: {}", self_.value(), node.value(), trouble);
  }
  if (is_back) log_info("agent", "node={} peer={} api=back", self_.value(), node.value());
  if (is_lost || is_back) seen.is_known_lost = is_lost;
}

std::string PeerWatch::trouble_with(const cluster::NodeName& node) const {
  auto found = seen_.find(node);
  return found == seen_.end() ? std::string() : found->second.trouble;
}

}  // namespace dorsal::agent
