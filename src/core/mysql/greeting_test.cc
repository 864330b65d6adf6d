#include "core/mysql/greeting.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

// As MySQL 9.7.4 sent it.
constexpr auto kReal =
    "\x0a"
    "9.7.4-2\x00\x1c\x00\x00\x00\x0b\x1d,jJgr\x18\x00\xff\xff\xff\x02\x00\xff\xdf\x15"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1cUC\x03(}'[\x1bN\x0b"
    "0\x00"
    "caching_sha2_password\x00"sv;

TEST(Greeting, OfARealServerIsUnderstood) {
  auto greeting = decode_greeting(kReal);
  ASSERT_TRUE(greeting);
  EXPECT_EQ(greeting->server_version, "9.7.4-2");
  EXPECT_EQ(greeting->connection_id, 28U);
  EXPECT_EQ(greeting->nonce,
            "\x0b\x1d,jJgr\x18\x1cUC\x03(}'[\x1bN\x0b"
            "0");
  EXPECT_EQ(greeting->capabilities, 0xdfffffffU);
  EXPECT_EQ(greeting->collation, kDefaultCollation);
  EXPECT_EQ(greeting->status, status::kAutocommit);
  EXPECT_EQ(greeting->auth_plugin, kCachingSha2);
}

TEST(Greeting, IsWrittenAsARealServerWritesIt) {
  EXPECT_EQ(encode(*decode_greeting(kReal)), kReal);
}

TEST(Greeting, WithoutPluginsNamesNone) {
  Greeting greeting;
  greeting.server_version = "5.1.0";
  greeting.nonce = "01234567890123456789";
  greeting.capabilities = capability::kProtocol41 | capability::kSecureConnection;
  auto read = decode_greeting(encode(greeting));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, greeting);
}

TEST(Greeting, CutAnywhereIsCorrupt) {
  for (std::size_t size = 0; size < kReal.size(); ++size) {
    auto greeting = decode_greeting(kReal.substr(0, size));
    ASSERT_FALSE(greeting) << size;
    EXPECT_EQ(greeting.error().kind, ErrorKind::Corrupt);
  }
}

TEST(Greeting, OfAnotherProtocolIsRefused) {
  EXPECT_EQ(decode_greeting("\x09"
                            "3.20\0"sv)
                .error()
                .message,
            "the server speaks protocol 9, not 10");
}

}  // namespace
}  // namespace dorsal::mysql
