#include "edge/peers/http_message.h"

#include <gtest/gtest.h>

namespace dorsal::peers {
namespace {

constexpr std::string_view kPost =
    "POST /v1/agree HTTP/1.1\r\nHost: db1:6051\r\ncontent-length: 4\r\n\r\nbody";

std::string outcome_of(std::string_view bytes, const HttpLimits& limits = {}) {
  auto parsed = parse_request(bytes, limits);
  if (!parsed) return parsed.error().message;
  return *parsed ? "complete" : "incomplete";
}

TEST(HttpMessage, ARequestIsReadBackAsItWasWritten) {
  HttpRequest request{"POST", "/v1/agree", R"({"term":7})", false};
  auto bytes = encode(request, "db1:6051");
  auto parsed = parse_request(bytes + "next", {});
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->bytes, bytes.size());
  EXPECT_EQ((*parsed)->message.method, "POST");
  EXPECT_EQ((*parsed)->message.target, "/v1/agree");
  EXPECT_EQ((*parsed)->message.body, request.body);
  EXPECT_FALSE((*parsed)->message.keeps_open);
}

TEST(HttpMessage, AResponseIsReadBackAsItWasWritten) {
  HttpResponse response{409, "text/plain", "no", true};
  auto bytes = encode(response);
  auto parsed = parse_response(bytes, {});
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->bytes, bytes.size());
  EXPECT_EQ((*parsed)->message.status, 409);
  EXPECT_EQ((*parsed)->message.content_type, "text/plain");
  EXPECT_EQ((*parsed)->message.body, "no");
  EXPECT_TRUE((*parsed)->message.keeps_open);
}

TEST(HttpMessage, EveryPartOfAMessageIsIncomplete) {
  for (std::size_t size = 0; size < kPost.size(); ++size) {
    EXPECT_EQ(outcome_of(kPost.substr(0, size)), "incomplete") << size;
  }
  EXPECT_EQ(outcome_of(kPost), "complete");
}

TEST(HttpMessage, WhatCanBeReadInTwoWaysIsRefused) {
  struct Case {
    const char* bytes;
    const char* reason;
  };
  const Case cases[] = {
      {"GET / HTTP/1.0\r\n\r\n", "it is not HTTP/1.1"},
      {"GET / HTTP/1.1 \r\n\r\n", "it is not HTTP/1.1"},
      {"GET  / HTTP/1.1\r\n\r\n", "its target is no path"},
      {"GET http://a/ HTTP/1.1\r\n\r\n", "its target is no path"},
      {"GET /\x01 HTTP/1.1\r\n\r\n", "its target is no path"},
      {"GET\t/ HTTP/1.1\r\n\r\n", "its first line is none of HTTP"},
      {"G(T / HTTP/1.1\r\n\r\n", "its method is none"},
      {"\r\n\r\n", "its first line is none of HTTP"},
      {"GET / HTTP/1.1\r\nno colon\r\n\r\n", "a line of its head has no colon"},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "a name in its head is none"},
      {"GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", "a name in its head is none"},
      {"GET / HTTP/1.1\r\nHost: a\nb: c\r\n\r\n", "a value in its head has control characters"},
      {"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
       "it has two Content-Lengths"},
      {"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", "a Content-Length is no number"},
      {"GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx", "a Content-Length is no number"},
      {"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\nx",
       "a Content-Length is no number"},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "transfer codings are not supported"},
  };
  for (const auto& each : cases) EXPECT_EQ(outcome_of(each.bytes), each.reason) << each.bytes;
}

TEST(HttpMessage, SizesAreBounded) {
  HttpLimits limits{64, 10};
  EXPECT_EQ(outcome_of("GET / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", limits),
            "its body is longer than 10 bytes");
  EXPECT_EQ(outcome_of(std::string(63, 'a'), limits), "incomplete");
  EXPECT_EQ(outcome_of(std::string(64, 'a'), limits), "its head is longer than 64 bytes");
  EXPECT_EQ(parse_request(std::string(64, 'a'), limits).error().kind, ErrorKind::Invalid);
}

TEST(HttpMessage, AResponseMustSayHowLongItIs) {
  for (const char* bytes : {"HTTP/1.1 200 OK\r\n\r\n",
                            "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
                            "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
                            "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
                            "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    auto parsed = parse_response(bytes, {});
    ASSERT_FALSE(parsed) << bytes;
    EXPECT_EQ(parsed.error().kind, ErrorKind::Corrupt) << bytes;
  }
}

}  // namespace
}  // namespace dorsal::peers
