#include "core/mysql/login_request.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

// As the mysql client 9.7 would, with everything that can be in it.
LoginRequest full_request() {
  LoginRequest request;
  request.capabilities = capability::kProtocol41 | capability::kSecureConnection |
                         capability::kPluginAuth | capability::kPluginAuthLenencData |
                         capability::kConnectWithDb | capability::kConnectAttrs |
                         capability::kZstdCompression;
  request.user = "app";
  request.auth_response = std::string(32, '\x07');
  request.schema = "shop";
  request.auth_plugin = kCachingSha2;
  request.attributes = {{"_os", "Linux"}, {"program_name", ""}};
  request.zstd_level = 3;
  return request;
}

TEST(LoginRequest, WhatIsWrittenIsReadWithAnyCapabilities) {
  const std::uint32_t optional[] = {capability::kConnectWithDb,
                                    capability::kConnectAttrs,
                                    capability::kZstdCompression,
                                    capability::kPluginAuth,
                                    capability::kPluginAuthLenencData};
  for (unsigned mask = 0; mask < 32; ++mask) {
    auto request = full_request();
    for (unsigned i = 0; i < 5; ++i) {
      if ((mask >> i & 1) != 0) request.capabilities &= ~optional[i];
    }
    if ((mask & 1) != 0) request.schema.clear();
    if ((mask & 2) != 0) request.attributes.clear();
    if ((mask & 4) != 0) request.zstd_level = 0;
    if ((mask & 8) != 0) request.auth_plugin.clear();
    auto read = decode_login_request(encode(request));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, request) << mask;
  }
}

TEST(LoginRequest, OfARealClientIsUnderstood) {
  auto real =
      "\x09\xa2\xaf\x0b\x00\x00\x00@\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x00\x00\x00\x00\x00\x00\x00\x00\x00sha\x00\x02\x01\x02"
      "d1\x00"
      "caching_sha2_password\x00"sv;
  auto request = decode_login_request(real);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->user, "sha");
  EXPECT_EQ(request->schema, "d1");
  EXPECT_EQ(request->auth_response, "\x01\x02");
  EXPECT_EQ(request->auth_plugin, kCachingSha2);
  EXPECT_EQ(request->max_packet, 0x40000000U);
}

TEST(LoginRequest, CutAnywhereIsNotAccepted) {
  auto whole = encode(full_request());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_login_request(whole.substr(0, size))) << size;
  }
}

TEST(LoginRequest, OfAClientBefore41IsRefusedWithASentence) {
  auto request = decode_login_request("\x05\xa1\x00\x00\x00root\x00"sv);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(request.error().message, "the client is older than MySQL 4.1 and cannot log in here");
}

TEST(LoginRequest, AttributesThatOverrunTheirBlockAreCorrupt) {
  auto request = full_request();
  request.capabilities &= ~capability::kZstdCompression;
  request.attributes.clear();
  auto bytes = encode(request);
  bytes.back() = 2;  // the size of the block
  EXPECT_FALSE(decode_login_request(bytes + "\x05"
                                            "a"));
}

TEST(SslRequest, IsTheHeadOfALoginRequest) {
  auto bytes = encode_ssl_request(capability::kPluginAuth, 1U << 24, 255);
  EXPECT_EQ(bytes.size(), 32U);
  EXPECT_TRUE(is_ssl_request(bytes));
}

TEST(SslRequest, IsNotALoginRequest) {
  auto request = full_request();
  request.capabilities |= capability::kSsl;
  EXPECT_FALSE(is_ssl_request(encode(request)));
  auto without_ssl = encode_ssl_request(0, 1U << 24, 255);
  without_ssl[1] = static_cast<char>(without_ssl[1] & ~0x08);
  EXPECT_FALSE(is_ssl_request(without_ssl));
  EXPECT_FALSE(is_ssl_request(""));
}

}  // namespace
}  // namespace dorsal::mysql
