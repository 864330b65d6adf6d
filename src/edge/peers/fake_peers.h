// Agents that answer as a test tells them to. The in-memory twin of HttpPeers.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "edge/peers/peers.h"

namespace dorsal::peers {

class FakePeers final : public Peers {
 public:
  // The loop outlives it.
  explicit FakePeers(io::Loop& loop) : loop_(loop) {}

  // What they answer, by node; one that is not there refuses connections.
  std::map<cluster::NodeName, Result<cluster::PeerState>> states;
  std::map<cluster::NodeName, Result<cluster::Agreement>> agreements;
  std::set<cluster::NodeName> silent;  // these say nothing until the deadline

  std::vector<std::string> calls;  // in their order: "state node2", "agree node2 term=7"

  io::Task<Result<cluster::PeerState>> state(PeerAddress peer, Deadline deadline) override {
    calls.push_back("state " + peer.node.value());
    return answer(states, std::move(peer), deadline);
  }

  io::Task<Result<cluster::Agreement>> agree(PeerAddress peer,
                                             cluster::Claim claim,
                                             Deadline deadline) override {
    calls.push_back("agree " + peer.node.value() + " term=" + std::to_string(claim.term.value()));
    return answer(agreements, std::move(peer), deadline);
  }

 private:
  template <class T>
  io::Task<Result<T>> answer(const std::map<cluster::NodeName, Result<T>>& answers,
                             PeerAddress peer,
                             Deadline deadline) {
    const auto who = peer.node.value() + " at " + io::to_string(peer.endpoint);
    if (silent.contains(peer.node)) {
      if (!co_await loop_.sleep_until(deadline)) co_return unavailable("cancelled").in(who);
      co_return timeout("it has not answered in time").in(who);
    }
    auto found = answers.find(peer.node);
    if (found == answers.end()) co_return unavailable("Connection refused").in(who);
    co_return Result<T>(found->second).in(who);
  }

  io::Loop& loop_;
};

}  // namespace dorsal::peers
