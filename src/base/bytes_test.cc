#include "base/bytes.h"

#include <gtest/gtest.h>

namespace dorsal {
namespace {

TEST(Bytes, WhatIsWrittenIsRead) {
  std::string bytes;
  Writer writer(bytes);
  writer.u8(0xfe);
  writer.u16(0xfeed);
  writer.u24(0xabcdef);
  writer.u32(0xdeadbeef);
  writer.u48(0x123456789abc);
  writer.u64(0x1122334455667788);
  writer.zero_terminated("text");
  Reader reader(bytes);
  EXPECT_EQ(reader.u8(), 0xfe);
  EXPECT_EQ(reader.u16(), 0xfeed);
  EXPECT_EQ(reader.u24(), 0xabcdefU);
  EXPECT_EQ(reader.u32(), 0xdeadbeefU);
  EXPECT_EQ(reader.u48(), 0x123456789abcU);
  EXPECT_EQ(reader.u64(), 0x1122334455667788U);
  EXPECT_EQ(reader.zero_terminated(), "text");
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.at_end());
}

TEST(Bytes, AFailedReaderStaysFailed) {
  Reader reader("ab");
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.take(1), "");
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(Bytes, ATextWithoutItsZeroFails) {
  Reader reader("abc");
  EXPECT_EQ(reader.zero_terminated(), "");
  EXPECT_FALSE(reader.ok());
}

TEST(Bytes, AsHexadecimalDigits) {
  EXPECT_EQ(to_hex(""), "");
  EXPECT_EQ(to_hex(std::string_view("\x00\x7f\xff a", 5)), "007fff2061");
}

TEST(Bytes, ALengthBeyondTheEndFailsEvenWhenHuge) {
  Reader reader("abc");
  EXPECT_EQ(reader.take(UINT64_MAX), "");
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace dorsal
