#include "edge/coord/etcd_address.h"

#include <gtest/gtest.h>

namespace dorsal::coord {
namespace {

std::string read(const std::string& text) {
  auto parsed = parse_etcd_address(text);
  if (!parsed) return "refused: " + parsed.error().message;
  std::string out;
  for (const auto& endpoint : parsed->endpoints) out += to_url(*parsed, endpoint) + " ";
  return out + parsed->prefix;
}

TEST(EtcdAddress, HasEndpointsAndAPrefix) {
  EXPECT_EQ(read("etcd://db1:2379"), "http://db1:2379 ");
  EXPECT_EQ(read("etcds://db1,10.0.0.2:1,[::1]:2,[fd00::1]/dorsal/shop"),
            "https://db1:2379 https://10.0.0.2:1 https://[::1]:2 https://[fd00::1]:2379 "
            "/dorsal/shop");
  EXPECT_EQ(read("etcd://db1/"), "http://db1:2379 ");
  EXPECT_EQ(read("etcd://db1/a/"), "http://db1:2379 /a");
}

TEST(EtcdAddress, WhatIsWrongIsSaid) {
  EXPECT_EQ(read("etcd://"), "refused: names no endpoint");
  EXPECT_EQ(read("etcd:///shop"), "refused: names no endpoint");
  EXPECT_EQ(read("etcd://a,,b"), "refused: has '' where host:port belongs");
  EXPECT_EQ(read("etcd://a:0"), "refused: has 'a:0' where host:port belongs");
  EXPECT_EQ(read("etcd://a:70000"), "refused: has 'a:70000' where host:port belongs");
  EXPECT_EQ(read("etcd://a b"), "refused: has 'a b' where host:port belongs");
  EXPECT_EQ(read("etcd://a,a:2379"), "refused: names a:2379 twice");
  EXPECT_EQ(read("etcd://root:secret@a"),
            "refused: must be endpoints and a path alone; users, passwords and TLS have own keys");
  EXPECT_EQ(read("etcd://a//b"),
            "refused: has '//b' where a path of at most 255 plain characters belongs");
}

TEST(EtcdAddress, KnowsWhetherItLeavesTheMachine) {
  EXPECT_TRUE(parse_etcd_address("etcd://localhost,127.0.0.1:1,[::1]")->is_loopback_only());
  EXPECT_FALSE(parse_etcd_address("etcd://localhost,db1")->is_loopback_only());
  EXPECT_FALSE(parse_etcd_address("etcd://127.0.0.1.example.com")->is_loopback_only());
}

}  // namespace
}  // namespace dorsal::coord
