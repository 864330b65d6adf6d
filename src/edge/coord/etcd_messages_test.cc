#include "edge/coord/etcd_messages.h"

#include <gtest/gtest.h>

namespace dorsal::coord {
namespace {

TEST(EtcdMessages, APrefixEndsBeforeTheNextOne) {
  EXPECT_EQ(EtcdRange::prefixed("/a/").end, "/a0");
  EXPECT_EQ(EtcdRange::prefixed("a\xff\xff").end, "b");
  EXPECT_EQ(EtcdRange::prefixed("\xff").end, std::string(1, '\0'));
}

TEST(EtcdMessages, AnAnswerIsRead) {
  auto answer = decode_etcd_answer(
      R"({"header":{"cluster_id":"324952591200643719","member_id":"3","revision":"7"},
          "succeeded":true,"responses":[
            {"response_put":{"header":{"revision":"7"}}},
            {"response_range":{"kvs":[{"key":"L2QvYQ==","create_revision":"2","mod_revision":"5",
              "version":"1","value":"AP8="}],"count":"3","more":true}}]})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->cluster_id, 324952591200643719U);
  EXPECT_EQ(answer->revision, 7U);
  EXPECT_TRUE(answer->succeeded);
  ASSERT_EQ(answer->responses.size(), 2U);
  EXPECT_TRUE(answer->responses[0].entries.empty());
  EXPECT_EQ(answer->responses[1].count, 3U);
  const auto& entry = answer->responses[1].entries.at(0);
  EXPECT_EQ(entry.key, "/d/a");
  EXPECT_EQ(entry.value, std::string("\0\xff", 2));
  EXPECT_EQ(entry.created, 2U);
  EXPECT_EQ(entry.changed, 5U);
}

TEST(EtcdMessages, WhatIsLeftOutIsZeroOrFalse) {
  auto answer = decode_etcd_answer(R"({"header":{},"responses":[{"response_range":{}}]})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_FALSE(answer->succeeded);
  EXPECT_EQ(answer->revision, 0U);
  EXPECT_EQ(answer->responses.at(0).count, 0U);
}

TEST(EtcdMessages, WhatNoEtcdSaysIsCorrupt) {
  const char* cases[] = {
      "",
      "<html>",
      "[]",
      "{}",
      R"({"header":7})",
      R"({"header":{"revision":"many"}})",
      R"({"header":{"revision":"-1"}})",
      R"({"header":{"revision":"99999999999999999999"}})",
      R"({"header":{},"succeeded":"yes"})",
      R"({"header":{},"responses":{}})",
      R"({"header":{},"kvs":[7]})",
      R"({"header":{},"count":"1","kvs":[{"key":"%%%%","mod_revision":"1"}]})",
      R"({"header":{},"count":"1","kvs":[{"key":"YQ=="}]})",
      R"({"header":{},"kvs":[{"key":"YQ==","mod_revision":"1"}]})",
      R"({"header":{})",
  };
  for (const char* text : cases) {
    auto answer = decode_etcd_answer(text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().kind, ErrorKind::Corrupt) << text;
  }
}

TEST(EtcdMessages, NestingIsBounded) {
  std::string deep = R"({"header":)" + std::string(1 << 20, '[');
  EXPECT_EQ(decode_etcd_answer(deep).error().message, "JSON that is nested too deeply");
}

TEST(EtcdMessages, AWatchTellsOfItsNewestChange) {
  auto answer = decode_etcd_watch_answer(
      R"({"result":{"header":{"cluster_id":"1","revision":"9"},"events":[
          {"kv":{"key":"YQ==","mod_revision":"4","value":"YQ=="}},
          {"type":"DELETE","kv":{"key":"YQ==","mod_revision":"6"}}]}})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->changed, 6U);
  EXPECT_EQ(answer->revision, 9U);
  EXPECT_FALSE(answer->was_cancelled);
}

TEST(EtcdMessages, AWatchSaysWhyItEnds) {
  auto compacted = decode_etcd_watch_answer(
      R"({"result":{"header":{"cluster_id":"1"},"canceled":true,"compact_revision":"3"}})");
  ASSERT_TRUE(compacted);
  EXPECT_TRUE(compacted->was_cancelled);
  EXPECT_EQ(compacted->compacted, 3U);
  auto failed = decode_etcd_watch_answer(
      R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}})");
  ASSERT_TRUE(failed);
  EXPECT_TRUE(failed->was_cancelled);
  EXPECT_EQ(failed->reason, "etcdserver: no leader");
  EXPECT_FALSE(decode_etcd_watch_answer("{}"));
  EXPECT_FALSE(decode_etcd_watch_answer(R"({"result":{"header":{},"events":[{}]}})"));
}

TEST(EtcdMessages, ARefusalIsReadFromOldAndNewVersions) {
  auto old = decode_etcd_refusal(R"({"error":"etcdserver: x","code":14})");
  EXPECT_EQ(old.code, 14U);
  EXPECT_EQ(old.message, "etcdserver: x");
  EXPECT_EQ(decode_etcd_refusal(R"({"message":"y","code":5,"details":[]})").message, "y");
  EXPECT_EQ(decode_etcd_refusal("Not Found").message, "");
  EXPECT_EQ(decode_etcd_refusal(R"({"message":"a\u001b[2Jb"})").message, "a?[2Jb");
}

TEST(EtcdLines, DoNotDependOnWhereReadsEnd) {
  EtcdLines lines(10);
  EXPECT_TRUE(lines.feed("one\ntw")->size() == 1);
  auto more = lines.feed("o\n\nthree\nf");
  ASSERT_TRUE(more);
  EXPECT_EQ(*more, (std::vector<std::string>{"two", "three"}));
  EXPECT_FALSE(lines.feed(std::string(10, 'x')));
}

TEST(EtcdMessages, QuotesInUserAndPasswordAreEscaped) {
  EXPECT_EQ(etcd_log_in("a\"b", "c\\d"), R"({"name":"a\"b","password":"c\\d"})");
}

}  // namespace
}  // namespace dorsal::coord
