#include "edge/peers/identity.h"

#include <gtest/gtest.h>

namespace dorsal::peers {
namespace {

constexpr const char* kCluster = "3f0c9a52-6f0e-4c5e-9d2b-1f2e3d4c5b6a";

TEST(Identity, EveryKindIsReadBackAsItWasWritten) {
  for (const auto& identity : {Identity::of_authority(kCluster),
                               Identity::of_node(kCluster, "db-1.north_2"),
                               Identity::of_proxy(kCluster)}) {
    auto parsed = parse_identity({"https://example.org/", to_uri(identity)});
    ASSERT_TRUE(parsed) << to_uri(identity);
    EXPECT_EQ(*parsed, identity);
  }
}

TEST(Identity, UrisOfOthersAreNoIdentity) {
  EXPECT_EQ(parse_identity({}).error().kind, ErrorKind::NotFound);
  EXPECT_EQ(parse_identity({"https://example.org/node/node1"}).error().kind, ErrorKind::NotFound);
}

TEST(Identity, WhatIsNotExactlyAsWrittenIsRefused) {
  for (const char* uri : {"dorsal://",
                          "dorsal:///node/node1",
                          "dorsal://c/",
                          "dorsal://c/node/",
                          "dorsal://c/node/a/b",
                          "dorsal://c/node/a b",
                          "dorsal://c/proxy/",
                          "dorsal://c/Node/node1",
                          "dorsal://c?/node/node1"}) {
    auto parsed = parse_identity({uri});
    ASSERT_FALSE(parsed) << uri;
    EXPECT_EQ(parsed.error().kind, ErrorKind::Invalid) << uri;
  }
}

TEST(Identity, TwoAreRefused) {
  auto parsed = parse_identity({"dorsal://c/node/a", "dorsal://c/node/b"});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::Invalid);
}

}  // namespace
}  // namespace dorsal::peers
