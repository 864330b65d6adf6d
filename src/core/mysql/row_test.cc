#include "core/mysql/row.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

Column column_of(std::uint8_t type, std::uint16_t flags = 0) {
  Column column;
  column.type = type;
  column.flags = flags;
  return column;
}

// ---- columns ----

constexpr auto kRealColumn =
    "\x03"
    "def\x02"
    "d1\x01t\x01t\x01v\x01v\x0c\xff\x00P\x00\x00\x00\xfd\x00\x00\x00\x00\x00"sv;

TEST(Column, OfARealServerIsUnderstood) {
  auto column = decode_column(kRealColumn);
  ASSERT_TRUE(column);
  EXPECT_EQ(column->catalog, "def");
  EXPECT_EQ(column->schema, "d1");
  EXPECT_EQ(column->table, "t");
  EXPECT_EQ(column->name, "v");
  EXPECT_EQ(column->collation, 255);
  EXPECT_EQ(column->length, 80U);
  EXPECT_EQ(column->type, field_type::kVarString);
  EXPECT_EQ(encode(*column), kRealColumn);
}

TEST(Column, CutAnywhereIsCorrupt) {
  for (std::size_t size = 0; size < kRealColumn.size(); ++size) {
    EXPECT_FALSE(decode_column(kRealColumn.substr(0, size))) << size;
  }
}

TEST(Column, ADefaultValueBehindItIsPassedOver) {
  EXPECT_TRUE(decode_column(std::string(kRealColumn) + "\x01"
                                                       "7"));
}

TEST(Column, AnotherSizeOfItsFixedPartIsCorrupt) {
  std::string bytes(kRealColumn);
  bytes[bytes.size() - 13] = 0x0d;
  EXPECT_FALSE(decode_column(bytes));
}

// ---- text rows ----

TEST(TextRow, TellsNullFromEmpty) {
  auto row = decode_text_row(
      "\x01"
      "d\xfb\x00"sv,
      3);
  ASSERT_TRUE(row);
  EXPECT_EQ(*row, (TextRow{"d", std::nullopt, ""}));
  EXPECT_EQ(encode_text_row(*row),
            "\x01"
            "d\xfb\x00"sv);
}

TEST(TextRow, OfAnotherNumberOfColumnsIsCorrupt) {
  EXPECT_FALSE(
      decode_text_row("\x01"
                      "d\xfb",
                      1));
  EXPECT_FALSE(
      decode_text_row("\x01"
                      "d\xfb",
                      3));
  EXPECT_FALSE(
      decode_text_row("\x05"
                      "d",
                      1));
}

// ---- binary rows ----

struct Case {
  Column column;
  std::string_view bytes;
  Value value;
};

// The examples of the manual, and the corners around them.
const Case kValues[] = {
    {column_of(field_type::kTiny), "\xff", std::int64_t{-1}},
    {column_of(field_type::kTiny, column_flag::kUnsigned), "\xff", std::uint64_t{255}},
    {column_of(field_type::kShort), "\x00\x80"sv, std::int64_t{-32768}},
    {column_of(field_type::kYear, column_flag::kUnsigned), "\xea\x07", std::uint64_t{2026}},
    {column_of(field_type::kLong), "\xff\xff\xff\xff", std::int64_t{-1}},
    {column_of(field_type::kInt24), "\x01\x00\x00\x00"sv, std::int64_t{1}},
    {column_of(field_type::kLongLong), "\x01\x00\x00\x00\x00\x00\x00\x00"sv, std::int64_t{1}},
    {column_of(field_type::kLongLong, column_flag::kUnsigned),
     "\xff\xff\xff\xff\xff\xff\xff\xff",
     std::uint64_t{UINT64_MAX}},
    {column_of(field_type::kFloat), "\x33\x33\x23\x41", 10.2F},
    {column_of(field_type::kDouble), "\x66\x66\x66\x66\x66\x66\x24\x40", 10.2},
    {column_of(field_type::kVarString),
     "\x03"
     "foo",
     std::string("foo")},
    {column_of(field_type::kNewDecimal),
     "\x04"
     "1.50",
     std::string("1.50")},
    {column_of(field_type::kJson), "\x02{}", std::string("{}")},
    {column_of(field_type::kDatetime),
     "\x0b\xda\x07\x0a\x11\x13\x1b\x1e\x01\x00\x00\x00"sv,
     DateTime{2010, 10, 17, 19, 27, 30, 1}},
    {column_of(field_type::kTimestamp),
     "\x07\xda\x07\x0a\x11\x13\x1b\x1e",
     DateTime{2010, 10, 17, 19, 27, 30, 0}},
    {column_of(field_type::kDate), "\x04\xda\x07\x0a\x11", DateTime{2010, 10, 17, 0, 0, 0, 0}},
    {column_of(field_type::kDate), "\x00"sv, DateTime()},
    {column_of(field_type::kTime),
     "\x0c\x01\x78\x00\x00\x00\x13\x1b\x1e\x01\x00\x00\x00"sv,
     Time{true, 120, 19, 27, 30, 1}},
    {column_of(field_type::kTime),
     "\x08\x01\x78\x00\x00\x00\x13\x1b\x1e"sv,
     Time{true, 120, 19, 27, 30, 0}},
    {column_of(field_type::kTime), "\x00"sv, Time()},
};

std::string row_bytes(std::string_view value) {
  return std::string("\x00\x00"sv) + std::string(value);
}

TEST(BinaryRow, ValuesAreUnderstood) {
  for (const auto& [column, bytes, value] : kValues) {
    auto row = decode_binary_row(row_bytes(bytes), {column});
    ASSERT_TRUE(row) << int{column.type};
    EXPECT_EQ(*row, BinaryRow{value}) << int{column.type};
  }
}

TEST(BinaryRow, ValuesAreWrittenAsTheyCame) {
  for (const auto& [column, bytes, value] : kValues) {
    EXPECT_EQ(encode_binary_row({value}, {column}), row_bytes(bytes)) << int{column.type};
  }
}

TEST(BinaryRow, CutValuesAreCorrupt) {
  for (const auto& [column, bytes, value] : kValues) {
    auto cut = row_bytes(bytes.substr(0, bytes.size() - 1));
    EXPECT_FALSE(decode_binary_row(cut, {column})) << int{column.type};
    EXPECT_FALSE(decode_binary_row(row_bytes(bytes) + "x", {column})) << int{column.type};
  }
}

TEST(BinaryRow, TheManualsExampleHasItsNinthColumnNull) {
  std::vector<Column> columns(9, column_of(field_type::kTiny));
  BinaryRow row(9, Value(std::int64_t{7}));
  row[8] = std::monostate();
  auto bytes = encode_binary_row(row, columns);
  EXPECT_EQ(bytes.substr(0, 3), "\x00\x00\x04"sv);
  EXPECT_EQ(*decode_binary_row(bytes, columns), row);
}

TEST(BinaryRow, DatesOfAnotherLengthAreCorrupt) {
  EXPECT_FALSE(
      decode_binary_row(row_bytes("\x05\xda\x07\x0a\x11\x00"sv), {column_of(field_type::kDate)}));
  EXPECT_FALSE(
      decode_binary_row(row_bytes("\x04\x01\x00\x00\x00"sv), {column_of(field_type::kTime)}));
}

TEST(BinaryRow, BeginsWithZero) {
  EXPECT_FALSE(decode_binary_row("\x01\x00\x07"sv, {column_of(field_type::kTiny)}));
  EXPECT_FALSE(decode_binary_row("", {}));
}

}  // namespace
}  // namespace dorsal::mysql
