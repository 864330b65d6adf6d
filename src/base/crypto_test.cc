#include "base/crypto.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

namespace dorsal {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

TEST(Crypto, DigestsMatchTheStandardsExamples) {
  // FIPS 180-4, message "abc".
  EXPECT_EQ(hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Crypto, OnlyTheKeysOwnerReadsWhatWasEncrypted) {
  auto mine = RsaKey::generate();
  auto other = RsaKey::generate();
  auto encrypted = rsa_encrypt(mine.public_pem(), "secret");
  ASSERT_TRUE(encrypted);
  EXPECT_EQ(*mine.decrypt(*encrypted), "secret");
  auto stolen = other.decrypt(*encrypted);
  EXPECT_TRUE(!stolen || *stolen != "secret");
}

TEST(Crypto, RefusesAKeyThatIsNone) {
  EXPECT_EQ(rsa_encrypt("not a key", "x").error().kind, ErrorKind::Invalid);
}

TEST(Crypto, PasswordsAreLongAndNeverRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random_password());
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_EQ(seen.begin()->size(), 32U);
}

TEST(Crypto, SecretsOfDifferentLengthDiffer) {
  EXPECT_TRUE(equal_secrets("abc", "abc"));
  EXPECT_FALSE(equal_secrets("abc", "abd"));
  EXPECT_FALSE(equal_secrets("abc", "ab"));
}

}  // namespace
}  // namespace dorsal
