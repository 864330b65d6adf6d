#include "edge/instance/origins.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/mysql/binlog_testing.h"
#include "edge/instance/test_folder.h"

namespace dorsal::instance {
namespace {

const mysql::Uuid kSource = *mysql::parse_uuid("11111111-2222-3333-4444-555555555555");
std::string transaction(std::uint64_t gno, std::uint32_t connection, std::size_t size = 10) {
  return mysql::binlog_gtid(kSource, gno) + mysql::binlog_query(connection, "BEGIN") +
         mysql::binlog_event(30, std::string(size, 'x')) + mysql::binlog_event(16, "xid");
}

class OriginsTest : public testing::Test {
 protected:
  OriginsTest() { std::filesystem::create_directory(data_); }

  void write(const char* name, const std::string& bytes) const {
    std::ofstream(data_ + "/" + name, std::ios::binary) << bytes;
  }

  TestFolder folder_;
  std::string data_ = folder_.path + "/data";
  Origins origins_{folder_.path};
};

TEST_F(OriginsTest, TellsWhatRelayLogsToldBeforeTheyWereForgotten) {
  write("relay.index", "./relay.000002\n");
  write("relay.000002",
        mysql::kBinlogMagic + mysql::binlog_event(15, "format") + transaction(4, 40) +
            transaction(5, 50));
  // Larger than what is read at once, and torn at its end.
  const std::string large = transaction(6, 60, std::size_t{3} << 20) + transaction(7, 70);
  write("relay.000003", mysql::kBinlogMagic + large + transaction(8, 80).substr(0, 30));
  write("binlog.000001", mysql::kBinlogMagic + transaction(3, 30));
  ASSERT_TRUE(origins_.keep(data_));
  std::filesystem::remove_all(data_);
  const std::vector<mysql::Commit> all = {{kSource, 7, 70},
                                          {kSource, 6, 60},
                                          {kSource, 5, 50},
                                          {kSource, 4, 40}};
  EXPECT_EQ(*origins_.read(100), all);
  EXPECT_EQ(*origins_.read(2), std::vector(all.begin(), all.begin() + 2));
  origins_.discard();
  EXPECT_TRUE(origins_.read(100)->empty());
}

// After two changes of primary in a row: a replica writes numbers of its own threads into its
// binary log, which say nothing of who the clients were.
TEST_F(OriginsTest, WhatTheSourceHadFromAnotherServerIsNotTold) {
  const mysql::Uuid before = *mysql::parse_uuid("22222222-2222-2222-2222-222222222222");
  const std::string passed_on = mysql::binlog_gtid(before, 7, 2) +
                                mysql::binlog_query(12, "BEGIN") + mysql::binlog_event(16, "xid");
  const std::string own_format = mysql::binlog_event(15, "format", 3);
  write("relay.000002",
        mysql::kBinlogMagic + own_format + mysql::binlog_event(15, "format") + passed_on +
            transaction(4, 40));
  ASSERT_TRUE(origins_.keep(data_));
  EXPECT_EQ(*origins_.read(100), std::vector<mysql::Commit>({{kSource, 4, 40}}));
}

TEST_F(OriginsTest, ThoseFromBeforeAreNotKept) {
  write("relay.000002", mysql::kBinlogMagic + transaction(4, 40));
  ASSERT_TRUE(origins_.keep(data_));
  std::filesystem::remove(data_ + "/relay.000002");
  write("relay.000005", mysql::kBinlogMagic + transaction(9, 90));
  ASSERT_TRUE(origins_.keep(data_));
  EXPECT_EQ(*origins_.read(100), std::vector<mysql::Commit>({{kSource, 9, 90}}));
}

TEST_F(OriginsTest, WithoutAnyNothingIsTold) {
  ASSERT_TRUE(origins_.keep(data_));
  EXPECT_TRUE(origins_.read(100)->empty());
  write("relay.000002", "no log");
  ASSERT_TRUE(origins_.keep(data_));
  EXPECT_TRUE(origins_.read(100)->empty());
}

}  // namespace
}  // namespace dorsal::instance
