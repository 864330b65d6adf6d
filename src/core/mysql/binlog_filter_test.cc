#include "core/mysql/binlog_filter.h"

#include <gtest/gtest.h>

#include "core/mysql/binlog_testing.h"

namespace dorsal::mysql {
namespace {

constexpr const char* kUuid = "11111111-2222-3333-4444-555555555555";
std::string transaction(std::uint64_t gno, const std::string& what) {
  return binlog_gtid(*parse_uuid(kUuid), gno) + binlog_event(2, "BEGIN") + binlog_event(30, what) +
         binlog_event(16, "xid");
}

const std::string kHead = kBinlogMagic + binlog_event(15, "format");

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
  const std::string file = kHead + binlog_event(35, "previous") + transaction(4, "four") +
                           transaction(5, "five") + transaction(6, "six") + binlog_event(4, "next");
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
  const std::string tagged = binlog_event(42, "whatever") + binlog_event(2, "BEGIN");
  EXPECT_EQ(filtered(kHead + tagged + transaction(4, "four"), "", 7), kHead + tagged);
}

TEST(BinlogFilter, WhatIsNoBinlogIsRefused) {
  EXPECT_EQ(filtered("text", "", 4), "it is no binlog");
  EXPECT_EQ(filtered(kBinlogMagic + std::string(19, '\0'), "", 1),
            "an event of the binlog is shorter than its own head");
  EXPECT_EQ(filtered(kBinlogMagic + binlog_event(33, "short"), "", 3),
            "a GTID of the binlog is too short");
}

// The last transaction of a server that was killed.
TEST(BinlogFilter, ATornEndIsTaken) {
  const std::string file = kHead + transaction(5, "five");
  const std::string torn = file.substr(0, file.size() - 3);
  EXPECT_EQ(filtered(torn, std::string(kUuid) + ":5", 10), torn);
}

}  // namespace
}  // namespace dorsal::mysql
