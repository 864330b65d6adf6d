#include "core/mysql/change_user.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t kAll = capability::kProtocol41 | capability::kSecureConnection |
                               capability::kPluginAuth | capability::kConnectAttrs;

ChangeUser full_request() {
  ChangeUser request;
  request.user = "app";
  request.auth_response = std::string(20, '\x07');
  request.schema = "shop";
  request.collation = 255;
  request.auth_plugin = kNativePassword;
  request.attributes = {{"_os", "Linux"}};
  return request;
}

TEST(ChangeUser, WhatIsWrittenIsRead) {
  auto request = decode_change_user(encode(full_request(), kAll), kAll);
  ASSERT_TRUE(request);
  EXPECT_EQ(*request, full_request());
}

TEST(ChangeUser, ForOldClientsHasNeitherPluginNorAttributes) {
  constexpr auto kOld = capability::kProtocol41 | capability::kSecureConnection;
  auto request = decode_change_user(encode(full_request(), kOld), kOld);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->auth_plugin, "");
  EXPECT_TRUE(request->attributes.empty());
  EXPECT_EQ(request->collation, 255);
}

TEST(ChangeUser, MayEndBehindTheSchema) {
  auto request = decode_change_user(
      "\x11"
      "app\0\0shop\0"sv,
      kAll);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->user, "app");
  EXPECT_EQ(request->schema, "shop");
  EXPECT_EQ(request->collation, 0);
}

TEST(ChangeUser, MalformedIsCorrupt) {
  for (auto bytes : {""sv,
                     "\x03"sv,
                     "\x11"
                     "app"sv,
                     "\x11"
                     "app\0\x05"
                     "ab"sv,
                     "\x11"
                     "app\0\0shop"sv,
                     "\x11"
                     "app\0\0shop\0\xff\0plug"sv}) {
    EXPECT_FALSE(decode_change_user(bytes, kAll));
  }
}

}  // namespace
}  // namespace dorsal::mysql
