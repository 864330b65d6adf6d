#include "edge/io/endpoint.h"

#include <gtest/gtest.h>

namespace dorsal::io {
namespace {

TEST(Endpoint, ReadsAndWritesItsNotation) {
  for (const char* text : {"db1:3306",
                           "10.0.0.1:0",
                           "[::1]:3306",
                           "[fe80::1%eth0]:1",
                           "unix:/run/mysqld/mysqld.sock",
                           ":3306"}) {
    auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(to_string(*endpoint), text);
  }
  EXPECT_EQ(*parse_endpoint("[::1]:3306"), Endpoint("::1", 3306));
  EXPECT_EQ(parse_endpoint("unix:/a")->unix_path, "/a");
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "db1",
                           "db1:",
                           "db1:x",
                           "db1:65536",
                           "db1:-1",
                           "::1:3306",
                           "unix:",
                           "[::1:3306",
                           "db1:33 "}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

}  // namespace
}  // namespace dorsal::io
