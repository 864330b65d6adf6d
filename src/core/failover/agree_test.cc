#include "core/failover/agree.h"

#include <gtest/gtest.h>

namespace dorsal::failover {
namespace {

using cluster::Claim;
using cluster::NodeName;
using cluster::Objection;
using cluster::Term;

Claim claim_of(std::uint64_t term) { return Claim{"c1", NodeName("node1"), Term(term)}; }

Knowledge knowing(std::uint64_t term) {
  Knowledge known;
  known.cluster = "c1";
  known.self = NodeName("node2");
  known.term = Term(term);
  known.primary = NodeName("node1");
  known.store_answers = true;
  return known;
}

TEST(Agree, WhoKnowsThatTermAndPrimaryAgrees) {
  auto answer = agree(claim_of(7), knowing(7));
  EXPECT_TRUE(answer.agrees());
  EXPECT_EQ(answer.reason, "");
  EXPECT_EQ(answer.term, Term(7));
  EXPECT_TRUE(answer.store_answers);
}

TEST(Agree, WhoHasHeardOfNothingNewerAgrees) {
  EXPECT_TRUE(agree(claim_of(8), knowing(7)).agrees());
}

TEST(Agree, APromiseOfThatVeryTermIsNoObjection) {
  auto known = knowing(6);
  known.promised = Term(7);
  known.election = Term(7);
  EXPECT_TRUE(agree(claim_of(7), known).agrees());
}

TEST(Agree, WhetherTheStoreAnswersIsPassedOn) {
  auto known = knowing(7);
  known.store_answers = false;
  auto answer = agree(claim_of(7), known);
  EXPECT_TRUE(answer.agrees());
  EXPECT_FALSE(answer.store_answers);
}

TEST(Agree, EveryObjectionSaysWhy) {
  struct Case {
    Objection objection;
    const char* reason;
    void (*change)(Knowledge&);
  };
  const Case cases[] = {
      {Objection::KnowsNothing,
       "node2 has not read the store yet",
       [](Knowledge& known) { known.cluster.clear(); }},
      {Objection::OtherCluster,
       "node2 is of cluster c2, not of c1",
       [](Knowledge& known) { known.cluster = "c2"; }},
      {Objection::NewerTerm,
       "node2 knows of term 8, in which node3 leads",
       [](Knowledge& known) {
         known.term = Term(8);
         known.primary = NodeName("node3");
       }},
      {Objection::OtherPrimary,
       "node2 knows node3 as the primary of term 7",
       [](Knowledge& known) { known.primary = NodeName("node3"); }},
      {Objection::Election,
       "node2 knows of an election for term 8",
       [](Knowledge& known) { known.election = Term(8); }},
      {Objection::Promise,
       "node2 has promised term 9",
       [](Knowledge& known) { known.promised = Term(9); }},
  };
  for (const auto& each : cases) {
    auto known = knowing(7);
    each.change(known);
    auto answer = agree(claim_of(7), known);
    EXPECT_EQ(answer.objection, each.objection) << each.reason;
    EXPECT_EQ(answer.reason, each.reason);
    EXPECT_EQ(*cluster::parse_objection(cluster::to_string(answer.objection)), answer.objection);
  }
}

TEST(Agree, WhatIsRememberedCountsAlsoWhenTheStoreHasForgottenIt) {
  auto known = knowing(7);
  recall(known, {12, Term(7), NodeName("node1"), Term(), {}});
  EXPECT_TRUE(agree(claim_of(7), known).agrees());
  recall(known, {13, Term(7), NodeName("node1"), Term(8), {}});
  EXPECT_EQ(agree(claim_of(7), known).objection, Objection::Election);
  recall(known, {14, Term(8), NodeName("node3"), Term(), {}});
  EXPECT_EQ(agree(claim_of(7), known).reason, "node2 knows of term 8, in which node3 leads");
}

TEST(Agree, APromiseCountsAlsoWhenTheStoreHasForgottenTheElection) {
  auto known = knowing(6);
  known.promised = Term(8);
  EXPECT_EQ(agree(claim_of(7), known).objection, Objection::Promise);
}

}  // namespace
}  // namespace dorsal::failover
