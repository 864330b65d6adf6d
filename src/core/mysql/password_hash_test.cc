#include "core/mysql/password_hash.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

TEST(PasswordHash, IsThatOfTheStandard) {
  struct Case {
    const char* password;
    const char* salt;
    unsigned rounds;
    const char* expected;
  };
  const Case cases[] = {
      {"Hello world!", "saltstring", 5000, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
      {"Hello world!", "saltstringsaltst", 10000, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"},
      {"x", "12345678", 1000, "beVvV6FmZ6gSZCOg4vQGBufVoRotFoAV2YCBfUxGnf5"},
      {"a very long password that is more than thirty-two bytes",
       "abc",
       5000,
       "JOBQAzOZQa4bkvEQW10t8cooLelLR9qsnVKsCj4c.B2"},
  };
  for (const auto& row : cases) {
    EXPECT_EQ(sha256_crypt(row.password, row.salt, row.rounds), row.expected) << row.password;
  }
}

std::string outcome(const char* password, const char* plugin, std::string_view hash) {
  auto verified = verify_password(password, plugin, hash);
  return !verified ? "cannot tell" : *verified ? "right" : "wrong";
}

// As MySQL 9.7 keeps "geheim"; a salt may hold any bytes.
constexpr std::string_view kCaching =
    "$A$00A$Cm;ddg`3&~O6G!4UC^`F.b43zyEp3b/rn7k1Qs36qRhcT0lYEqfadAmXEKIuoo1";

TEST(PasswordHash, WhatAServerKeepsIsVerified) {
  EXPECT_EQ(outcome("geheim", "caching_sha2_password", kCaching), "right");
  EXPECT_EQ(outcome("Geheim", "caching_sha2_password", kCaching), "wrong");
  EXPECT_EQ(outcome("", "caching_sha2_password", kCaching), "wrong");
  constexpr std::string_view kSha256 =
      "$5$rounds=5000$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
  EXPECT_EQ(outcome("Hello world!", "sha256_password", kSha256), "right");
  EXPECT_EQ(outcome("Hello world", "sha256_password", kSha256), "wrong");
  constexpr std::string_view kSha256Short =
      "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
  EXPECT_EQ(outcome("Hello world!", "sha256_password", kSha256Short), "right");
  constexpr std::string_view kNative = "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4";
  EXPECT_EQ(outcome("mypass", "mysql_native_password", kNative), "right");
  EXPECT_EQ(outcome("mypas", "mysql_native_password", kNative), "wrong");
}

TEST(PasswordHash, AnAccountWithoutAPasswordTakesNone) {
  for (const char* plugin : {"caching_sha2_password", "sha256_password", "mysql_native_password"}) {
    EXPECT_EQ(outcome("", plugin, ""), "right");
    EXPECT_EQ(outcome("x", plugin, ""), "wrong");
  }
}

TEST(PasswordHash, WhatIsNoneIsNotJudged) {
  EXPECT_EQ(outcome("x", "auth_socket", "anything"), "cannot tell");
  for (const char* text : {"$A$", "$A$005$short", "$5$", "$5$rounds=x$salt$", "*12", "nonsense"}) {
    EXPECT_EQ(outcome("x", "caching_sha2_password", text), "cannot tell") << text;
    EXPECT_EQ(outcome("x", "sha256_password", text), "cannot tell") << text;
    EXPECT_EQ(outcome("x", "mysql_native_password", text), "cannot tell") << text;
  }
}

}  // namespace
}  // namespace dorsal::mysql
