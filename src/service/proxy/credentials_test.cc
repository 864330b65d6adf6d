#include "service/proxy/credentials.h"

#include <gtest/gtest.h>

#include "core/mysql/auth.h"

namespace dorsal::proxy {
namespace {

TEST(Credentials, RemembersThePasswordWithItsDigest) {
  Credentials credentials;
  EXPECT_FALSE(credentials.find("app"));
  credentials.remember("app", "hunter2", TimePoint());
  auto known = credentials.find("app");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->password.view(), "hunter2");
  EXPECT_EQ(known->digest, mysql::caching_sha2_digest("hunter2"));
}

TEST(Credentials, ForgetsOnlyThePasswordThatWasRefused) {
  Credentials credentials;
  credentials.remember("app", "new", TimePoint());
  credentials.forget("app", mysql::caching_sha2_digest("old"));
  EXPECT_TRUE(credentials.find("app"));
  credentials.forget("app", mysql::caching_sha2_digest("new"));
  EXPECT_FALSE(credentials.find("app"));
}

TEST(Credentials, APasswordIsVerifiedAgainAfterAWhileByOneOfThoseWhoUseIt) {
  Credentials credentials;
  const TimePoint start{};
  EXPECT_FALSE(credentials.is_verified("app", start));
  credentials.remember("app", "x", start);
  EXPECT_TRUE(credentials.is_verified("app", start + std::chrono::seconds(29)));
  EXPECT_FALSE(credentials.is_verified("app", start + std::chrono::seconds(31)));
  EXPECT_TRUE(credentials.is_verified("app", start + std::chrono::seconds(31)));
}

TEST(Credentials, AFloodOfNamesStaysBounded) {
  Credentials credentials;
  for (int i = 0; i < 5000; ++i) credentials.remember("user" + std::to_string(i), "x", TimePoint());
  int found = 0;
  for (int i = 0; i < 5000; ++i) found += credentials.find("user" + std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(found, 4096);
}

TEST(Credentials, NativeAccountsAreReplacedAsAWhole) {
  Credentials credentials;
  credentials.set_native({{"old", "digest"}});
  credentials.set_native({{"new", "digest"}});
  EXPECT_FALSE(credentials.native_digest("old"));
  EXPECT_EQ(*credentials.native_digest("new"), "digest");
}

}  // namespace
}  // namespace dorsal::proxy
