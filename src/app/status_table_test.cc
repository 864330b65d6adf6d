#include "app/status_table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace dorsal::app {
namespace {

constexpr const char* kOne = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-905";
constexpr const char* kTwo =
    "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-905,4f22ab58-82db-22f2-af44-d91bba53a673:1-17:19";

TEST(StatusTable, GtidSetsAreShortened) {
  EXPECT_EQ(short_gtid_set(kOne, 30), "3e11fa47:1-905");
  EXPECT_EQ(short_gtid_set(kTwo, 40), "3e11fa47:1-905,4f22ab58:1-17:19");
  EXPECT_EQ(short_gtid_set(kTwo, 20), "3e11fa47:1-905 +1");
  EXPECT_EQ(short_gtid_set("", 20), "");
}

TEST(StatusTable, AGtidSetNeverExceedsItsRoom) {
  for (std::size_t width = 1; width < 60; ++width) {
    EXPECT_LE(short_gtid_set(kTwo, width).size(), width);
    EXPECT_LE(short_gtid_set("no gtid set at all, but words", width).size(), width);
  }
}

TEST(StatusTable, ColoursAreForTerminals) {
  std::string json = R"({"nodes":[{"name":"a","healthy":true}]})";
  EXPECT_EQ(status_table(json, false)->find('\x1b'), std::string::npos);
  EXPECT_NE(status_table(json, true)->find("\x1b[32mhealthy\x1b[0m"), std::string::npos);
}

TEST(StatusTable, StaysWithin100ColumnsWhateverItIsTold) {
  std::string words(300, 'x');
  auto json = R"({"cluster":")" + words + R"(","nodes":[{"name":")" + words + R"(","address":")" +
              words + R"(","activity":")" + words + R"(","role":"primary"}]})";
  std::istringstream lines(*status_table(json, false));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(StatusTable, ControlCharactersDoNotReachTheTerminal) {
  std::string json = R"({"nodes":[{"name":"a\u001b[2J","activity":"b\u001b]0;"}]})";
  EXPECT_EQ(status_table(json, false)->find('\x1b'), std::string::npos);
}

TEST(StatusTable, WhatIsNoStatusIsRefused) {
  for (const char* json : {"", "[]", "{}", R"({"nodes":7})"}) {
    EXPECT_EQ(status_table(json, false).error().kind, ErrorKind::Corrupt) << json;
  }
  EXPECT_TRUE(status_table(R"({"nodes":[7,"x",null]})", false));
}

}  // namespace
}  // namespace dorsal::app
