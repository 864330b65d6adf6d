#include "service/agent/peer_answers.h"

#include <utility>

namespace dorsal::agent {
namespace {

cluster::PeerState state_of(const Agent& agent, const std::string& version) {
  const auto known = agent.knowledge();
  const auto& node = agent.state();
  cluster::PeerState state;
  state.node = known.self;
  state.cluster = known.cluster;
  state.version = version;
  state.term = known.term;
  state.primary = known.primary;
  state.election = known.election;
  state.promised = known.promised;
  state.store_answers = known.store_answers;
  state.role = node.role;
  state.is_healthy = node.healthy;
  state.server_uuid = node.server_uuid;
  state.gtid_executed = node.gtid_executed;
  state.activity = node.activity;
  return state;
}

}  // namespace

PeerAnswers make_answers(Agent& agent, std::string version, std::function<std::string()> metrics) {
  PeerAnswers answers;
  answers.state = [&agent, version = std::move(version)] { return state_of(agent, version); };
  answers.agree = [&agent](const cluster::Claim& claim) { return agent.agree(claim); };
  answers.metrics = std::move(metrics);
  return answers;
}

}  // namespace dorsal::agent
