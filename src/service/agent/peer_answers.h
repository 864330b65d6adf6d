// What an agent answers to the others: from what it knows at that moment.
#pragma once

#include <functional>
#include <string>

#include "service/agent/agent.h"
#include "service/agent/peer_server.h"

namespace dorsal::agent {

// The version is that of the program. The agent outlives the answers.
PeerAnswers make_answers(Agent& agent, std::string version, std::function<std::string()> metrics);

}  // namespace dorsal::agent
