#include "edge/coord/records.h"

#include <gtest/gtest.h>

namespace dorsal::coord {
namespace {

TEST(Records, AStateReadsBackAsItWasWritten) {
  cluster::NodeState state;
  state.role = cluster::Role::Replica;
  state.pid = 42;
  state.gtid_executed = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-9";
  state.semi_sync = true;
  state.zone = "north";
  state.read_weight = 0;
  state.activity = "quotes \" and lines\n";
  state.published_ms = 1234567890123;
  auto read = decode_state(encode(state));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), encode(state));
  EXPECT_EQ(read->pid, 42);
  EXPECT_EQ(read->read_weight, 0U);
  EXPECT_FALSE(read->lag_ms.has_value());
}

TEST(Records, TheOthersReadBackToo) {
  cluster::Charter charter{"shop", "a-b-c", cluster::Mode::Async, 2};
  EXPECT_EQ(encode(*decode_charter(encode(charter))), encode(charter));
  cluster::Member member{cluster::NodeName("node1"),
                         cluster::ServerId(7),
                         "10.0.0.1:3306",
                         true,
                         true};
  EXPECT_EQ(encode(*decode_member(encode(member))), encode(member));
  cluster::Leadership leadership{cluster::Term(3), cluster::NodeName("node1"), 99, 5};
  EXPECT_EQ(encode(*decode_leadership(encode(leadership))), encode(leadership));
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
