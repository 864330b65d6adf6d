#include "core/mysql/binlog_filter.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

constexpr const char* kUuid = "11111111-2222-3333-4444-555555555555";
const std::string kMagic(
    "\xfe"
    "bin");

std::string number(std::uint64_t value, std::size_t width) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string event(int type, const std::string& body) {
  return number(0, 4) + number(static_cast<std::uint64_t>(type), 1) + number(1, 4) +
         number(19 + body.size(), 4) + number(0, 4) + number(0, 2) + body;
}

std::string gtid(std::uint64_t gno) {
  const Uuid uuid = *parse_uuid(kUuid);
  return event(33,
               number(0, 1) + std::string(uuid.bytes.begin(), uuid.bytes.end()) + number(gno, 8) +
                   "the rest");
}

std::string transaction(std::uint64_t gno, const std::string& what) {
  return gtid(gno) + event(2, "BEGIN") + event(30, what) + event(16, "xid");
}

const std::string kHead = kMagic + event(15, "format");

std::string filtered(const std::string& file, const std::string& wanted, std::size_t piece) {
  BinlogFilter filter(*parse_gtid_set(wanted));
  std::string out;
  for (std::size_t at = 0; at < file.size(); at += piece) {
    const auto outcome = filter.feed(std::string_view(file).substr(at, piece), out);
    if (!outcome) return outcome.error().message;
  }
  return out;
}

TEST(BinlogFilter, KeepsTheTransactionsThatAreAskedForHoweverTheFileIsCut) {
  const std::string file = kHead + event(35, "previous") + transaction(4, "four") +
                           transaction(5, "five") + transaction(6, "six") + event(4, "next");
  const std::string wanted = std::string(kUuid) + ":5,aaaaaaaa-2222-3333-4444-555555555555:4-6";
  for (std::size_t piece = 1; piece <= file.size(); ++piece) {
    EXPECT_EQ(filtered(file, wanted, piece), kHead + transaction(5, "five")) << piece;
  }
}

TEST(BinlogFilter, OfAFileWithoutAnyOnlyItsHeadIsLeft) {
  BinlogFilter filter(*parse_gtid_set(std::string(kUuid) + ":9"));
  std::string out;
  ASSERT_TRUE(filter.feed(kHead + transaction(4, "four"), out));
  EXPECT_EQ(out, kHead);
  EXPECT_TRUE(filter.found().empty());
}

TEST(BinlogFilter, TakesWhatHasATagAlong) {
  const std::string tagged = event(42, "whatever") + event(2, "BEGIN");
  EXPECT_EQ(filtered(kHead + tagged + transaction(4, "four"), "", 7), kHead + tagged);
}

TEST(BinlogFilter, WhatIsNoBinlogIsRefused) {
  EXPECT_EQ(filtered("text", "", 4), "it is no binlog");
  EXPECT_EQ(filtered(kMagic + std::string(19, '\0'), "", 1),
            "an event of the binlog is shorter than its own head");
  EXPECT_EQ(filtered(kMagic + event(33, "short"), "", 3), "a GTID of the binlog is too short");
}

// The last transaction of a server that was killed.
TEST(BinlogFilter, ATornEndIsTaken) {
  const std::string file = kHead + transaction(5, "five");
  const std::string torn = file.substr(0, file.size() - 3);
  EXPECT_EQ(filtered(torn, std::string(kUuid) + ":5", 10), torn);
}

}  // namespace
}  // namespace dorsal::mysql
