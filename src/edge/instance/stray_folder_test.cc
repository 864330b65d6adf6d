#include "edge/instance/stray_folder.h"

#include <gtest/gtest.h>

#include <string>

#include "edge/instance/test_folder.h"
#include "edge/io/files.h"

namespace dorsal::instance {
namespace {

constexpr const char* kUuid = "11111111-2222-3333-4444-555555555555";

std::string number(std::uint64_t value, std::size_t width) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

// A GTID event with nothing behind it.
std::string transaction(std::uint64_t gno) {
  const mysql::Uuid uuid = *mysql::parse_uuid(kUuid);
  return number(0, 4) + number(33, 1) + number(1, 4) + number(44, 4) + number(0, 6) + number(0, 1) +
         std::string(uuid.bytes.begin(), uuid.bytes.end()) + number(gno, 8);
}

const std::string kMagic(
    "\xfe"
    "bin");

mysql::GtidSet gtids(const std::string& numbers) {
  return *mysql::parse_gtid_set(std::string(kUuid) + ":" + numbers);
}

class StrayFolderTest : public ::testing::Test {
 protected:
  StrayFolderTest() { write("binlog.index", "./binlog.000001\n"); }

  void write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(io::make_directories(data_, 0700));
    ASSERT_TRUE(io::write_file_atomically(data_ + "/" + name, content, 0600));
  }

  TestFolder folder_;
  const std::string data_ = folder_.path + "/data";
  const StrayFolder strays_{folder_.path};
};

TEST_F(StrayFolderTest, KeepsJustTheStraysOfEachBinlog) {
  write("binlog.000001", kMagic + transaction(1) + transaction(2));
  write("binlog.000002", kMagic + transaction(3) + transaction(4));
  write("binlog.000003", kMagic + transaction(5));
  EXPECT_TRUE(strays_.kept().empty());
  const auto draft = strays_.begin(data_, gtids("4-5"));
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_EQ(draft->found, gtids("4-5"));
  EXPECT_EQ(draft->binlogs.size(), 2U);
  EXPECT_TRUE(strays_.kept().empty()) << "a draft does not count";
  const auto path = strays_.finish(*draft, 1'795'205'700'000);
  ASSERT_TRUE(path);
  EXPECT_EQ(*path, folder_.path + "/strays/20261120T201500Z");
  EXPECT_EQ(*io::read_file(*path + "/binlog.000002"), kMagic + transaction(4));
  EXPECT_FALSE(io::exists(*path + "/binlog.000001"));
  EXPECT_EQ(strays_.kept(), gtids("4-5"));
}

TEST_F(StrayFolderTest, TwoOfOneSecondHaveNamesOfTheirOwn) {
  write("binlog.000001", kMagic + transaction(1) + transaction(2));
  const auto first = strays_.finish(*strays_.begin(data_, gtids("1")), 1000);
  const auto second = strays_.finish(*strays_.begin(data_, gtids("2")), 1000);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*second, *first + "-2");
  EXPECT_EQ(strays_.kept(), gtids("1-2"));
}

TEST_F(StrayFolderTest, WhatIsInNoBinlogAnyMoreIsMissing) {
  write("binlog.000002", kMagic + transaction(3));
  const auto draft = strays_.begin(data_, gtids("1-3"));
  ASSERT_TRUE(draft);
  EXPECT_EQ(draft->found, gtids("3"));
}

TEST_F(StrayFolderTest, WhatWasNeverAppliedIsInTheRelayLog) {
  write("binlog.000001", kMagic + transaction(1));
  write("relay.000007", kMagic + transaction(1) + transaction(2));
  write("relay.index", "./relay.000007");
  const auto draft = strays_.begin(data_, gtids("1-2"));
  ASSERT_TRUE(draft);
  EXPECT_EQ(draft->found, gtids("1-2"));
  EXPECT_EQ(*io::read_file(draft->path + "/relay.000007"), kMagic + transaction(2));
}

TEST_F(StrayFolderTest, ABinlogThatIsNoneIsNamed) {
  write("binlog.000001", "text that is no binlog");
  EXPECT_EQ(strays_.begin(data_, gtids("1")).error().message,
            data_ + "/binlog.000001: it is no binlog");
}

}  // namespace
}  // namespace dorsal::instance
