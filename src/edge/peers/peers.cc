#include "edge/peers/peers.h"

#include <cstddef>
#include <utility>

#include "edge/io/scope.h"

namespace dorsal::peers {
namespace {

using Answers = std::vector<Result<cluster::Agreement>>;

io::Task<> ask_one(Peers& peers,
                   PeerAddress peer,
                   cluster::Claim claim,
                   Deadline deadline,
                   Result<cluster::Agreement>& answer) {
  answer = co_await peers.agree(std::move(peer), std::move(claim), deadline);
}

}  // namespace

io::Task<Answers> ask_all(io::Loop& loop,
                          Peers& peers,
                          std::vector<PeerAddress> asked,
                          cluster::Claim claim,
                          Deadline deadline) {
  // A task that is cancelled before it has run leaves this behind.
  Answers answers(asked.size(), unavailable("cancelled"));
  io::Scope scope(loop);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    scope.spawn(ask_one(peers, asked[i], claim, deadline, answers[i]));
  }
  co_await scope.join();
  co_return answers;
}

}  // namespace dorsal::peers
