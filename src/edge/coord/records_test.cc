#include "edge/coord/records.h"

#include <gtest/gtest.h>

namespace dorsal::coord {
namespace {

TEST(Records, AStateReadsBackAsItWasWritten) {
  cluster::NodeState state;
  state.role = cluster::Role::Replica;
  state.pid = 42;
  state.gtid_executed = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-9";
  state.gtid_purged = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-4";
  state.semi_sync = true;
  state.zone = "north";
  state.agent_address = "db1:6051";
  state.read_weight = 0;
  state.activity = "quotes \" and lines\n";
  state.remembered = {12, cluster::Term(3), cluster::NodeName("node2"), cluster::Term(4), {}};
  state.published_ms = 1234567890123;
  auto read = decode_state(encode(state));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), encode(state));
  EXPECT_EQ(read->remembered, state.remembered);
  EXPECT_EQ(read->pid, 42);
  EXPECT_EQ(read->gtid_purged, state.gtid_purged);
  EXPECT_EQ(read->read_weight, 0U);
  EXPECT_FALSE(read->lag_ms.has_value());
}

TEST(Records, TheOthersReadBackToo) {
  cluster::Charter charter{"shop", "a-b-c", cluster::Mode::Async, 2};
  EXPECT_EQ(encode(*decode_charter(encode(charter))), encode(charter));
  cluster::Member member{cluster::NodeName("node1"), cluster::ServerId(7), "10.0.0.1:3306", true};
  EXPECT_EQ(encode(*decode_member(encode(member))), encode(member));
  cluster::Leadership leadership;
  leadership.term = cluster::Term(3);
  leadership.primary = cluster::NodeName("node1");
  leadership.renewals = 99;
  leadership.renewed_ms = 5;
  leadership.lease_ms = 2500;
  leadership.changes = 12;
  EXPECT_EQ(encode(*decode_leadership(encode(leadership))), encode(leadership));
  EXPECT_FALSE(decode_leadership(encode(leadership))->election);
}

TEST(Records, WhatOperatorsAskForReadsBackToo) {
  cluster::Leadership leadership;
  leadership.term = cluster::Term(3);
  leadership.unprotected = true;
  leadership.acks = 2;
  leadership.switchover =
      cluster::Switchover{cluster::NodeName("node2"), "new disks", 77, 500, true, "it died"};
  leadership.election =
      cluster::Election{cluster::Term(4), cluster::NodeName("node1"), "switchover", 78};
  leadership.election->candidate = cluster::NodeName("node2");
  leadership.election->barrier = "a:1-4";
  leadership.election->may_lose_writes = true;
  leadership.election->after_restore = true;
  const auto read = decode_leadership(encode(leadership));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->acks, 2u);
  EXPECT_EQ(read->switchover, leadership.switchover);
  EXPECT_EQ(read->election->candidate, leadership.election->candidate);
  EXPECT_EQ(encode(*read), encode(leadership));
  EXPECT_EQ(decode_leadership(R"({"switchover":{}})").error().kind, ErrorKind::Corrupt);
  cluster::Member member;
  member.restart_asked_ms = 1;
  member.rebuild_asked_ms = 2;
  member.removal_asked_ms = 3;
  member.name = cluster::NodeName("node1");
  member.server_id = cluster::ServerId(7);
  EXPECT_EQ(encode(*decode_member(encode(member))), encode(member));
}

TEST(Records, AnElectionAndAPromiseReadBackToo) {
  cluster::Leadership leadership;
  leadership.handed_over = true;
  leadership.election =
      cluster::Election{cluster::Term(4), cluster::NodeName("node2"), "mysqld died", 77};
  const auto read = decode_leadership(encode(leadership));
  ASSERT_TRUE(read && read->election);
  EXPECT_EQ(read->election->term, cluster::Term(4));
  EXPECT_EQ(encode(*read), encode(leadership));
  leadership.elected_with = "a:1-4";
  leadership.votes[cluster::NodeName("node1")] = {};
  leadership.votes[cluster::NodeName("node2")] = {cluster::Vote::State::Withdrawn, "a:1-5"};
  leadership.votes[cluster::NodeName("node3")] = {cluster::Vote::State::Leaving, {}};
  leadership.votes[cluster::NodeName("node4")] = {cluster::Vote::State::Lost, {}};
  EXPECT_EQ(decode_leadership(encode(leadership))->votes, leadership.votes);
  cluster::Promise promise{cluster::Term(4), "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-9", false};
  EXPECT_EQ(encode(*decode_promise(encode(promise))), encode(promise));
  promise.remembered = {12,
                        cluster::Term(3),
                        cluster::NodeName("node2"),
                        cluster::Term(4),
                        {cluster::NodeName("node1")}};
  EXPECT_EQ(decode_promise(encode(promise))->remembered, promise.remembered);
  EXPECT_EQ(decode_promise(R"({"term":4,"remembered":{"members":[7]}})").error().kind,
            ErrorKind::Corrupt);
  cluster::Pause pause{"new switches", 7};
  EXPECT_EQ(encode(*decode_pause(encode(pause))), encode(pause));
  EXPECT_EQ(decode_promise("{}").error().kind, ErrorKind::Corrupt);
  EXPECT_EQ(decode_leadership(R"({"election":{}})").error().kind, ErrorKind::Corrupt);
  EXPECT_EQ(decode_leadership(R"({"votes":{"node1":{"state":"doubts"}}})").error().kind,
            ErrorKind::Corrupt);
  EXPECT_EQ(decode_leadership(R"({"votes":{"node1":7}})").error().kind, ErrorKind::Corrupt);
  EXPECT_EQ(decode_leadership(R"({"election":7})").error().kind, ErrorKind::Corrupt);
}

TEST(Records, FieldsOfANewerVersionArePassedOver) {
  auto read = decode_charter(R"({"name":"shop","colour":"blue","mode":"async"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "shop");
  EXPECT_EQ(read->acks, 1u);
}

TEST(Records, FieldsThatAnOlderVersionDidNotHaveAreWhatTheyUsuallyAre) {
  auto read = decode_state(R"({"role":"replica","healthy":true})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->read_weight, cluster::NodeState::kUsualReadWeight);
  EXPECT_EQ(read->zone, "");
}

TEST(Records, ANewerFormatIsRefused) {
  const auto newer = decode_charter(R"({"name":"shop","format":3})");
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(newer.error().message,
            "the store is of a newer Dorsal (its records have format 3, this one knows up to 2); "
            "run that version here");
  EXPECT_TRUE(decode_charter(R"({"name":"shop"})"));
}

TEST(Records, NonsenseIsCorrupt) {
  for (const char* json : {"", "[]", "7", "{", R"({"name":7})", R"({"mode":"raft"})"}) {
    EXPECT_EQ(decode_charter(json).error().kind, ErrorKind::Corrupt) << json;
  }
  EXPECT_EQ(decode_member(R"({"name":"node1"})").error().kind, ErrorKind::Corrupt);
}

TEST(Records, TextThatIsNoUtf8IsWrittenAllTheSame) {
  cluster::NodeState state;
  state.activity = "latin1 \xe9";
  EXPECT_TRUE(decode_state(encode(state)));
}

}  // namespace
}  // namespace dorsal::coord
