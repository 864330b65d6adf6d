#include "core/admission/ip_address.h"

#include <gtest/gtest.h>

namespace dorsal::admission {
namespace {

std::string normal(std::string_view text) {
  auto address = IpAddress::parse(text);
  return address ? address->text() : "none";
}

TEST(IpAddress, IsWrittenInItsNormalForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"10.0.0.1", "10.0.0.1"},
      {"255.255.255.255", "255.255.255.255"},
      {"::1", "::1"},
      {"::", "::"},
      {"1::", "1::"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"1:0:0:2:0:0:3:4", "1::2:0:0:3:4"},
      {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
      {"fe80::0001:2", "fe80::1:2"},
      {"::ffff:10.1.2.3", "10.1.2.3"},
      {"0:0:0:0:0:ffff:a01:203", "10.1.2.3"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(normal(text), expected) << text;
}

TEST(IpAddress, WhatIsNoneIsRefused) {
  for (const char* text : {"",
                           "10",
                           "10.0.0",
                           "10.0.0.0.0",
                           "256.0.0.1",
                           "010.0.0.1",
                           "1..2.3",
                           " 1.2.3.4",
                           "1.2.3.4 ",
                           "a.b.c.d",
                           "+1.2.3.4",
                           ":",
                           ":::",
                           "1::2::3",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:",
                           ":1:2:3:4:5:6:7",
                           "12345::",
                           "g::",
                           "1.2.3.4::",
                           "::1.2.3",
                           "::1.2.3.4:5",
                           "fe80::1%lo",
                           "[::1]",
                           "-1::",
                           "1::2:3:4:5:6:7:8"}) {
    EXPECT_EQ(normal(text), "none") << text;
  }
}

TEST(IpAddress, KnowsLoopback) {
  EXPECT_TRUE(IpAddress::parse("127.0.0.1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("127.9.9.9")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::ffff:127.0.0.1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("128.0.0.1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::")->is_loopback());
}

bool lies_in(const char* network, const char* address) {
  auto parsed = Network::parse(network);
  EXPECT_TRUE(parsed) << network;
  return parsed && parsed->contains(*IpAddress::parse(address));
}

TEST(Network, ContainsWhatItsPrefixSays) {
  EXPECT_TRUE(lies_in("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(lies_in("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(lies_in("10.0.0.128/25", "10.0.0.129"));
  EXPECT_FALSE(lies_in("10.0.0.128/25", "10.0.0.127"));
  EXPECT_TRUE(lies_in("0.0.0.0/0", "1.2.3.4"));
  EXPECT_FALSE(lies_in("0.0.0.0/0", "::1"));
  EXPECT_TRUE(lies_in("::/0", "1.2.3.4"));
  EXPECT_TRUE(lies_in("10.0.0.1", "10.0.0.1"));
  EXPECT_TRUE(lies_in("10.0.0.1", "::ffff:10.0.0.1"));
  EXPECT_FALSE(lies_in("10.0.0.1", "10.0.0.2"));
  EXPECT_TRUE(lies_in("fd00::/8", "fdff::1"));
  EXPECT_FALSE(lies_in("fd00::/8", "fc00::1"));
}

TEST(Network, WhatIsNoneIsRefused) {
  for (const char* text : {"",
                           "10.0.0.0/33",
                           "::/129",
                           "10.0.0.0/",
                           "10.0.0.0/-1",
                           "10.0.0.0/8/8",
                           "10.0.0.0/255.0.0.0",
                           "db1",
                           "/8"}) {
    EXPECT_FALSE(Network::parse(text)) << text;
  }
  EXPECT_EQ(Network::parse("10.0.0.1/8").error().message,
            "must have no bits behind the prefix, as '10.0.0.1/8' has; did you mean 10.0.0.0/8?");
}

TEST(Network, ListsAreReadWithCommasAndSpaces) {
  EXPECT_EQ(parse_networks("10.0.0.0/8, ::1  192.0.2.1,")->size(), 3u);
  EXPECT_TRUE(parse_networks("")->empty());
  EXPECT_FALSE(parse_networks("10.0.0.0/8, nonsense"));
}

}  // namespace
}  // namespace dorsal::admission
