#include "core/mysql/auth.h"

#include <gtest/gtest.h>

#include <set>

#include "base/crypto.h"
#include "core/mysql/greeting.h"

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

constexpr auto kNonce = "0123456789abcdefghij"sv;

std::string unhex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

TEST(Auth, CachingSha2IsWhatARealServerAccepted) {
  auto nonce =
      "\x0b\x1d,jJgr\x18\x1cUC\x03(}'[\x1bN\x0b"
      "0"sv;
  EXPECT_EQ(caching_sha2_reply("secret", nonce),
            unhex("0ec179c50b425b960d4503545c3d74a1026cb4e776141a0c8f065ce55ecc604d"));
}

TEST(Auth, NativeIsTheDocumentedFormula) {
  auto stage1 = sha1("secret");
  auto pad = sha1(std::string(kNonce) + sha1(stage1));
  EXPECT_EQ(native_reply("secret", kNonce), xor_with_nonce(stage1, pad));
  EXPECT_EQ(native_reply_from_sha1(stage1, kNonce), native_reply("secret", kNonce));
}

TEST(Auth, AnEmptyPasswordHasAnEmptyReply) {
  EXPECT_EQ(native_reply("", kNonce), "");
  EXPECT_EQ(native_reply_from_sha1("", kNonce), "");
  EXPECT_EQ(caching_sha2_reply("", kNonce), "");
}

TEST(Auth, ANativeReplyThatProvesThePasswordRevealsItsSha1) {
  auto reply = native_reply("secret", kNonce);
  EXPECT_EQ(recover_native_sha1(reply, kNonce, sha1(sha1("secret"))), sha1("secret"));
}

TEST(Auth, AWrongNativeReplyRevealsNothing) {
  auto known = sha1(sha1("secret"));
  EXPECT_FALSE(recover_native_sha1(native_reply("other", kNonce), kNonce, known));
  EXPECT_FALSE(recover_native_sha1(native_reply("secret", "another nonce 123456"), kNonce, known));
  EXPECT_FALSE(recover_native_sha1("", kNonce, known));
  EXPECT_FALSE(recover_native_sha1(native_reply("secret", kNonce), kNonce, ""));
}

TEST(Auth, ACachingSha2ReplyIsVerifiedByTheDigest) {
  auto digest = caching_sha2_digest("secret");
  EXPECT_TRUE(verify_caching_sha2(caching_sha2_reply("secret", kNonce), kNonce, digest));
  EXPECT_FALSE(verify_caching_sha2(caching_sha2_reply("other", kNonce), kNonce, digest));
  EXPECT_FALSE(
      verify_caching_sha2(caching_sha2_reply("secret", "another nonce 123456"), kNonce, digest));
  EXPECT_FALSE(verify_caching_sha2("", kNonce, digest));
  EXPECT_FALSE(verify_caching_sha2("", kNonce, ""));
}

TEST(Auth, XorTwiceGivesTheTextBack) {
  auto text = "a password that is longer than the nonce\0"sv;
  EXPECT_EQ(xor_with_nonce(xor_with_nonce(text, kNonce), kNonce), text);
}

TEST(Auth, NoncesAreTwentyHarmlessBytesAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    auto nonce = make_nonce();
    ASSERT_EQ(nonce.size(), kNonceSize);
    for (char byte : nonce) ASSERT_TRUE(byte > 0 && byte != '$');
    seen.insert(nonce);
  }
  EXPECT_EQ(seen.size(), 200U);
}

}  // namespace
}  // namespace dorsal::mysql
