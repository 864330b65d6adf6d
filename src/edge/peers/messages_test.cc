#include "edge/peers/messages.h"

#include <gtest/gtest.h>

namespace dorsal::peers {
namespace {

using cluster::Agreement;
using cluster::Claim;
using cluster::NodeName;
using cluster::Objection;
using cluster::PeerState;
using cluster::Term;

PeerState some_state() {
  PeerState state;
  state.node = NodeName("node2");
  state.cluster = "c1";
  state.version = "0.1.0";
  state.term = Term(7);
  state.primary = NodeName("node1");
  state.promised = Term(8);
  state.store_answers = true;
  state.role = cluster::Role::Replica;
  state.is_healthy = true;
  state.server_uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
  state.gtid_executed = state.server_uuid + ":1-905";
  state.activity = "follows node1";
  return state;
}

TEST(PeerMessages, AStateReadsAsDocumented) {
  EXPECT_EQ(encode(some_state()),
            R"({"speaks":1,"oldest":1,"node":"node2","cluster":"c1","version":"0.1.0","term":7,)"
            R"("primary":"node1","election":null,"promised":8,"store_answers":true,)"
            R"("role":"replica","healthy":true,)"
            R"("server_uuid":"3e11fa47-71ca-11e1-9e33-c80aa9429562",)"
            R"("gtid_executed":"3e11fa47-71ca-11e1-9e33-c80aa9429562:1-905",)"
            R"("activity":"follows node1"})");
}

TEST(PeerMessages, EveryMessageIsReadBackAsItWasWritten) {
  const auto state = encode(some_state());
  EXPECT_EQ(encode(*decode_state(state)), state);
  const auto claim = encode(Claim{"c1", NodeName("node1"), Term(7)});
  EXPECT_EQ(encode(*decode_claim(claim)), claim);
  for (auto objection : {Objection::None, Objection::Promise}) {
    const auto agreement = encode(Agreement{objection, "why", Term(7), true});
    EXPECT_EQ(encode(*decode_agreement(agreement)), agreement);
  }
  EXPECT_EQ(decode_failure(encode_failure("no \"such\" thing")), "no \"such\" thing");
}

TEST(PeerMessages, FieldsOfNewerVersionsArePassedOver) {
  auto text = encode(Claim{"c1", NodeName("node1"), Term(7)}, ApiVersions{9, 1});
  text.insert(text.size() - 1, R"(,"mood":{"is":["good"]})");
  EXPECT_TRUE(decode_claim(text)) << text;
}

TEST(PeerMessages, VersionsThatUnderstandEachOtherAreNotRefused) {
  EXPECT_TRUE(check_versions(ApiVersions{3, 1}, ApiVersions{1, 1}));
  EXPECT_TRUE(check_versions(ApiVersions{1, 1}, ApiVersions{3, 1}));
  EXPECT_TRUE(check_versions(ApiVersions{3, 2}, ApiVersions{2, 1}));
}

TEST(PeerMessages, VersionsThatDoNotAreRefusedWithWhatToDo) {
  auto newer = decode_claim(encode(Claim{"c1", NodeName("node1"), Term(7)}, ApiVersions{3, 2}));
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().kind, ErrorKind::Conflict);
  EXPECT_EQ(newer.error().message,
            "it understands version 2 of the agents' API and newer, and this node speaks 1; "
            "upgrade Dorsal here");
  EXPECT_EQ(check_versions(ApiVersions{1, 1}, ApiVersions{3, 2}).error().message,
            "it speaks version 1 of the agents' API, and this node understands 2 and newer; "
            "upgrade Dorsal there");
}

TEST(PeerMessages, WhatIsNoSuchMessageIsCorrupt) {
  const char* claims[] = {
      "",
      "[]",
      "7",
      "{",
      R"({"cluster":"c1","node":"node1","term":7})",
      R"({"speaks":1,"oldest":1,"cluster":"c1","node":"node1"})",
      R"({"speaks":1,"oldest":1,"cluster":"c1","node":"node1","term":0})",
      R"({"speaks":1,"oldest":1,"cluster":"c1","node":"node1","term":-7})",
      R"({"speaks":1,"oldest":1,"cluster":"c1","node":"node1","term":"7"})",
      R"({"speaks":1,"oldest":1,"cluster":"c1","node":1,"term":7})",
      R"({"speaks":4294967297,"oldest":1,"cluster":"c1","node":"node1","term":7})",
  };
  for (const char* text : claims) {
    auto decoded = decode_claim(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().kind, ErrorKind::Corrupt) << text;
  }
}

TEST(PeerMessages, AYesWithAnObjectionIsNoYes) {
  auto text = encode(Agreement{Objection::Promise, "why", Term(7), true});
  text.replace(text.find("false"), 5, "true");
  EXPECT_FALSE(decode_agreement(text));
}

TEST(PeerMessages, AnObjectionOfANewerVersionIsStillOne) {
  auto text = encode(Agreement{Objection::Promise, "why", Term(7), true});
  text.replace(text.find("promise"), 7, "dislike");
  auto decoded = decode_agreement(text);
  ASSERT_TRUE(decoded);
  EXPECT_FALSE(decoded->agrees());
  EXPECT_EQ(decoded->reason, "why");
}

TEST(PeerMessages, AFailureIsFitForALog) {
  EXPECT_EQ(decode_failure(R"({"error":"two\nlines"})"), "two lines");
  EXPECT_EQ(decode_failure(R"({"error":7})"), "");
  EXPECT_EQ(decode_failure("<html>"), "");
}

}  // namespace
}  // namespace dorsal::peers
