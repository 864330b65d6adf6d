#include "edge/peers/peers.h"

#include <gtest/gtest.h>

#include "edge/io/scope.h"
#include "edge/peers/fake_peers.h"

namespace dorsal::peers {
namespace {

using cluster::Agreement;
using cluster::Claim;
using cluster::NodeName;
using cluster::Objection;
using cluster::Term;

TEST(AskAll, AnswersStandInTheOrderOfTheQuestionsAndSilenceIsNoYes) {
  io::Loop loop;
  FakePeers peers(loop);
  peers.agreements.emplace(NodeName("a"), Agreement{Objection::None, "", Term(7), true});
  peers.agreements.emplace(NodeName("c"), Agreement{Objection::Promise, "no", Term(8), true});
  peers.silent.insert(NodeName("b"));
  std::vector<PeerAddress> asked;
  for (const char* name : {"a", "b", "c", "d"}) {
    asked.push_back({NodeName(name), io::Endpoint("127.0.0.1", 6051)});
  }
  Claim claim{"c1", NodeName("x"), Term(7)};
  auto deadline = loop.after(std::chrono::milliseconds(5));
  auto answers =
      io::block_on(loop, ask_all(loop, peers, std::move(asked), std::move(claim), deadline));
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_TRUE(answers[0] && answers[0]->agrees());
  EXPECT_EQ(answers[1].error().kind, ErrorKind::Timeout);
  EXPECT_TRUE(answers[2] && !answers[2]->agrees());
  EXPECT_EQ(answers[3].error().kind, ErrorKind::Unavailable);
}

TEST(AskAll, NobodyToAskIsAnEmptyAnswer) {
  io::Loop loop;
  FakePeers peers(loop);
  EXPECT_TRUE(
      io::block_on(loop, ask_all(loop, peers, {}, Claim{}, loop.after(std::chrono::seconds(5))))
          .empty());
}

}  // namespace
}  // namespace dorsal::peers
