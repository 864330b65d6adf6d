#include "core/mysql/lenenc.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::uint64_t number;
  std::string_view bytes;
};

const Case kShortestForms[] = {
    {0, "\x00"sv},
    {250, "\xfa"},
    {251, "\xfc\xfb\x00"sv},
    {0xffff, "\xfc\xff\xff"},
    {0x10000, "\xfd\x00\x00\x01"sv},
    {0xffffff, "\xfd\xff\xff\xff"},
    {0x1000000, "\xfe\x00\x00\x00\x01\x00\x00\x00\x00"sv},
    {UINT64_MAX, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"},
};

TEST(Lenenc, NumbersTakeTheShortestForm) {
  for (const auto& [number, bytes] : kShortestForms) {
    std::string out;
    Writer writer(out);
    write_lenenc(writer, number);
    EXPECT_EQ(out, bytes) << number;
  }
}

TEST(Lenenc, WhatIsWrittenIsRead) {
  for (const auto& [number, bytes] : kShortestForms) {
    Reader reader(bytes);
    EXPECT_EQ(read_lenenc(reader), number);
    EXPECT_TRUE(reader.ok() && reader.at_end()) << number;
  }
}

TEST(Lenenc, NullErrAndCutNumbersFail) {
  for (auto bytes :
       {"\xfb"sv, "\xff"sv, ""sv, "\xfc\x01"sv, "\xfd\x01\x02"sv, "\xfe\x01\x02\x03"sv}) {
    Reader reader(bytes);
    (void)read_lenenc(reader);
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Lenenc, LongerFormsThanNeededAreAccepted) {
  Reader reader("\xfc\x01\x00"sv);
  EXPECT_EQ(read_lenenc(reader), 1U);
  EXPECT_TRUE(reader.ok());
}

TEST(Lenenc, AStringIsItsLengthAndItsBytes) {
  std::string out;
  Writer writer(out);
  write_lenenc_string(writer, "a\0b"sv);
  EXPECT_EQ(out,
            "\x03"
            "a\0b"sv);
  Reader reader(out);
  EXPECT_EQ(read_lenenc_string(reader), "a\0b"sv);
}

TEST(Lenenc, AStringLongerThanTheInputFails) {
  Reader reader(
      "\x05"
      "abc");
  EXPECT_EQ(read_lenenc_string(reader), "");
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace dorsal::mysql
