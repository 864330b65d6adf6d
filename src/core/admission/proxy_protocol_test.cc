#include "core/admission/proxy_protocol.h"

#include <gtest/gtest.h>

namespace dorsal::admission {
namespace {

using namespace std::string_literals;

ProxySource end(const char* address, std::uint16_t port) {
  return {*IpAddress::parse(address), port};
}

struct Read {
  Result<void> outcome;
  ProxySource source;
  std::size_t used = 0;
};

// Reads a header from the front of the bytes, in pieces of at most `piece` bytes.
Read read(std::string_view bytes, std::size_t piece = 1000) {
  ProxyHeaderReader reader;
  Read done;
  while (reader.wanted() > 0) {
    auto next = bytes.substr(done.used, std::min(piece, reader.wanted()));
    if (next.empty()) {
      done.outcome = timeout("cut short");
      return done;
    }
    done.used += next.size();
    done.outcome = reader.feed(next);
    if (!done.outcome) return done;
  }
  done.source = reader.source();
  return done;
}

std::string v2(std::uint8_t version_and_command, std::uint8_t family, std::string_view rest) {
  std::string header = "\r\n\r\n\0\r\nQUIT\n"s;
  header.push_back(static_cast<char>(version_and_command));
  header.push_back(static_cast<char>(family));
  header.push_back(static_cast<char>(rest.size() >> 8));
  header.push_back(static_cast<char>(rest.size() & 0xff));
  return header.append(rest);
}

std::vector<std::pair<std::string, ProxySource>> good_headers() {
  const auto v4 = "\x0a\x01\x02\x03\x0a\x01\x02\x04\x30\x39\x17\x91"s;
  const auto v6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" +
                  std::string(15, '\0') + "\x01" + "\x30\x39\x17\x91";
  return {
      {"PROXY TCP4 10.1.2.3 10.1.2.4 12345 6033\r\n", end("10.1.2.3", 12345)},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", end("255.255.255.255", 65535)},
      {"PROXY TCP6 2001:db8::1 ::1 12345 6033\r\n", end("2001:db8::1", 12345)},
      {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
       end("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535)},
      {"PROXY UNKNOWN\r\n", {}},
      {"PROXY UNKNOWN ffff::1 whatever 1 2\r\n", {}},
      {v2(0x21, 0x11, v4), end("10.1.2.3", 12345)},
      {v2(0x21, 0x21, v6), end("2001:db8::1", 12345)},
      {v2(0x21, 0x11, v4 + "\x04\0\x03xyz"s), end("10.1.2.3", 12345)},
      {v2(0x21, 0x11, v4 + std::string(60'000, 'x')), end("10.1.2.3", 12345)},
      {v2(0x20, 0x00, ""), {}},
      {v2(0x20, 0x11, v4), {}},
      {v2(0x20, 0x77, "anything"), {}},
      {v2(0x21, 0x00, ""), {}},
      {v2(0x21, 0x00, "records"), {}},
      {v2(0x21, 0x31, std::string(216, 'p')), {}},
  };
}

TEST(ProxyProtocol, HeadersOfBothVersionsAreRead) {
  for (const auto& [header, expected] : good_headers()) {
    const auto done = read(header);
    ASSERT_TRUE(done.outcome) << header.substr(0, 60) << done.outcome.error().message;
    EXPECT_EQ(done.source, expected) << header.substr(0, 60);
    EXPECT_EQ(done.used, header.size());
  }
}

TEST(ProxyProtocol, WhereverTheyAreCutAndWhateverFollows) {
  for (const auto& [header, expected] : good_headers()) {
    for (std::size_t piece : {1, 2, 3, 7}) {
      const auto done = read(header + "PROXY and more", piece);
      ASSERT_TRUE(done.outcome) << header.substr(0, 60);
      EXPECT_EQ(done.source, expected);
      EXPECT_EQ(done.used, header.size()) << "nothing behind it is touched";
    }
  }
}

TEST(ProxyProtocol, AHeaderThatEndsEarlyIsNeverDone) {
  for (const auto& [header, expected] : good_headers()) {
    for (std::size_t size = 0; size < std::min<std::size_t>(header.size(), 300); ++size) {
      const auto done = read(std::string_view(header).substr(0, size), 1);
      EXPECT_FALSE(done.outcome) << size << " bytes of " << header.substr(0, 60);
      EXPECT_EQ(done.outcome.error().kind, ErrorKind::Timeout) << header.substr(0, 60);
    }
  }
}

TEST(ProxyProtocol, WhatIsNoHeaderIsRefused) {
  const std::string cases[] = {
      "GET / HTTP/1.0\r\n\r\n",
      "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\n",
      "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY TCP4 ::1 ::1 1 2\r\n         ",
      "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.400 1 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n",
      "PROXY TCP4\r\n             ",
      "PROXY UNKNOWN" + std::string(200, ' ') + "\r\n",
      "PROXY \r\n                   ",
      v2(0x11, 0x11, std::string(12, 'a')),
      v2(0x22, 0x11, std::string(12, 'a')),
      v2(0x2f, 0x11, std::string(12, 'a')),
      v2(0x21, 0x12, std::string(12, 'a')),
      v2(0x21, 0x41, std::string(12, 'a')),
      v2(0x21, 0x11, std::string(11, 'a')),
      v2(0x21, 0x21, std::string(35, 'a')),
      "\r\n\r\n\0\r\nQUIX\n\x21\x11\0\x0c"s + std::string(12, 'a'),
      std::string(40, '\0'),
      "\r\n\r\n                  ",
  };
  for (const auto& bytes : cases) {
    for (std::size_t piece : {1, 1000}) {
      const auto done = read(bytes, piece);
      ASSERT_FALSE(done.outcome) << bytes;
      EXPECT_EQ(done.outcome.error().kind, ErrorKind::Corrupt) << bytes;
    }
  }
}

TEST(ProxyProtocol, ALineOfVersion1HasAtMost107Bytes) {
  const auto line = [](std::size_t length) {
    return "PROXY UNKNOWN " + std::string(length - 16, 'x') + "\r\n";
  };
  for (const std::size_t piece : {1, 2, 3, 1000}) {
    EXPECT_TRUE(read(line(107), piece).outcome) << piece;
    EXPECT_TRUE(read(line(106), piece).outcome) << piece;
    EXPECT_FALSE(read(line(108), piece).outcome) << piece;
    EXPECT_FALSE(read(line(109), piece).outcome) << piece;
  }
}

TEST(ProxyProtocol, WhatIsWrittenIsRead) {
  const auto destination = end("10.0.0.9", 6033);
  for (const char* source : {"10.1.2.3", "2001:db8::1"}) {
    const auto from = end(source, 4711);
    EXPECT_EQ(read(encode_proxy_v2(from, destination)).source, from);
  }
  EXPECT_EQ(read(encode_proxy_v1(end("10.1.2.3", 4711), destination)).source,
            end("10.1.2.3", 4711));
  EXPECT_EQ(read(encode_proxy_v1({}, {})).source, ProxySource());
  EXPECT_EQ(read(encode_proxy_v2({}, {})).source, ProxySource());
}

}  // namespace
}  // namespace dorsal::admission
