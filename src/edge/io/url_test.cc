#include "edge/io/url.h"

#include <gtest/gtest.h>

namespace dorsal::io {
namespace {

std::string read(const std::string& text) {
  const auto url = parse_url(text);
  if (!url) return url.error().message;
  return std::string(url->uses_tls ? "tls " : "") + to_string(url->endpoint) + " " + url->path;
}

TEST(Url, HasAHostAPortAndAPath) {
  EXPECT_EQ(read("http://pager"), "pager:80 /");
  EXPECT_EQ(read("https://pager.example/hook/a%20b?key=1"),
            "tls pager.example:443 /hook/a%20b?key=1");
  EXPECT_EQ(read("http://127.0.0.1:8080/"), "127.0.0.1:8080 /");
  EXPECT_EQ(read("https://[::1]?a"), "tls [::1]:443 /?a");
  EXPECT_EQ(read("https://[::1]:8443"), "tls [::1]:8443 /");
}

TEST(Url, OthersAreRefused) {
  EXPECT_EQ(read("ftp://pager/"), "must begin with http:// or https://");
  EXPECT_EQ(read("http://"), "has '' where host:port belongs");
  EXPECT_EQ(read("http://pager:0/"), "has 'pager:0' where host:port belongs");
  EXPECT_EQ(read("http://pager:http/"), "has 'pager:http' where host:port belongs");
  EXPECT_EQ(read("http://me:secret@pager/"), "must not have a user or a password");
  const char* kOdd = "has characters that no address has; write them as %20 and the like";
  EXPECT_EQ(read("http://pager/a b"), kOdd);
  EXPECT_EQ(read("http://pager/#part"), kOdd);
  EXPECT_EQ(read("http://pager/\r\nX: y"), kOdd);
}

}  // namespace
}  // namespace dorsal::io
