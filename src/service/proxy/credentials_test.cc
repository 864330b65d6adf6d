#include "service/proxy/credentials.h"

#include <gtest/gtest.h>

#include "core/mysql/auth.h"

namespace dorsal::proxy {
namespace {

using VerifiedBy = Credentials::VerifiedBy;

constexpr TimePoint kNow{std::chrono::hours(1)};

admission::Account account(const std::string& user,
                           const char* version = "1",
                           const char* host = "%") {
  admission::Account made;
  made.user = user;
  made.host = admission::HostPattern(host);
  made.version = version;
  return made;
}

void remember(Credentials& credentials, const admission::Account& whose, const char* password) {
  credentials.remember(whose, Secret(password), VerifiedBy::Primary, kNow);
}

TEST(Credentials, RemembersThePasswordWithItsDigest) {
  Counters counters;
  Credentials credentials(counters);
  EXPECT_FALSE(credentials.find(account("app"), kNow));
  remember(credentials, account("app"), "hunter2");
  auto known = credentials.find(account("app"), kNow + std::chrono::hours(1000));
  ASSERT_TRUE(known);
  EXPECT_EQ(known->password.view(), "hunter2");
  EXPECT_EQ(known->digest.view(), mysql::caching_sha2_digest("hunter2"));
}

TEST(Credentials, APasswordBelongsToOneAccountAndOneVersionOfIt) {
  Counters counters;
  Credentials credentials(counters);
  remember(credentials, account("app", "1", "10.%"), "hunter2");
  EXPECT_FALSE(credentials.find(account("app", "1", "%"), kNow));
  EXPECT_FALSE(credentials.find(account("app", "2", "10.%"), kNow));
  EXPECT_TRUE(credentials.find(account("app", "1", "10.%"), kNow));
}

TEST(Credentials, WhatAReplicaVerifiedCountsForAWhile) {
  Counters counters;
  Credentials credentials(counters);
  credentials.remember(account("app"), Secret("x"), VerifiedBy::Replica, kNow);
  EXPECT_TRUE(credentials.find(account("app"), kNow + std::chrono::seconds(29)));
  EXPECT_FALSE(credentials.find(account("app"), kNow + std::chrono::seconds(30)));
  remember(credentials, account("app"), "x");
  EXPECT_TRUE(credentials.find(account("app"), kNow + std::chrono::seconds(30)));
}

TEST(Credentials, ForgetsOnlyThePasswordThatWasRefused) {
  Counters counters;
  Credentials credentials(counters);
  remember(credentials, account("app"), "new");
  credentials.forget(account("app"), Secret("old"));
  EXPECT_TRUE(credentials.find(account("app"), kNow));
  credentials.forget(account("app"), Secret("new"));
  EXPECT_FALSE(credentials.find(account("app"), kNow));
}

TEST(Credentials, ForgetsAccountsThatChangeOrVanish) {
  Counters counters;
  Credentials credentials(counters);
  for (const char* user : {"same", "changed", "gone"}) remember(credentials, account(user), "x");
  const admission::Accounts now({account("same"), account("changed", "2"), account("new")}, false);
  EXPECT_EQ(credentials.keep_only(now), 2u);
  EXPECT_EQ(credentials.size(), 1u);
  EXPECT_EQ(counters.gauge("dorsal_proxy_known_passwords", "").value(), 1);
  EXPECT_TRUE(credentials.find(account("same"), kNow));
}

TEST(Credentials, ManyLogInsShareOneCopy) {
  Counters counters;
  Credentials credentials(counters);
  const Secret first("hunter2");
  credentials.remember(account("app"), first, VerifiedBy::Primary, kNow);
  const auto kept =
      credentials.remember(account("app"), Secret("hunter2"), VerifiedBy::Primary, kNow);
  EXPECT_EQ(kept.view().data(), first.view().data());
}

TEST(Credentials, AFloodOfNamesStaysBounded) {
  Counters counters;
  Credentials credentials(counters);
  for (int i = 0; i < 5000; ++i) {
    remember(credentials, account("user" + std::to_string(i)), "x");
  }
  EXPECT_EQ(credentials.size(), 4096u);
}

}  // namespace
}  // namespace dorsal::proxy
