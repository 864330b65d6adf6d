// The description of one column of a result set or one parameter of a prepared statement
// (Protocol::ColumnDefinition41).
//
//   catalog  schema  table  original table  name  original name       lenenc strings
//   0c  collation:2  length:4  type:1  flags:2  decimals:1  zeros:2
//   [default value]                        in the reply to COM_FIELD_LIST only; it is passed over
//
// Source: MySQL Server documentation, "COM_QUERY Response", "Column Definition".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dorsal::mysql {

// enum_field_types of the server, as far as it appears on the wire.
namespace field_type {
inline constexpr std::uint8_t kDecimal = 0;
inline constexpr std::uint8_t kTiny = 1;
inline constexpr std::uint8_t kShort = 2;
inline constexpr std::uint8_t kLong = 3;
inline constexpr std::uint8_t kFloat = 4;
inline constexpr std::uint8_t kDouble = 5;
inline constexpr std::uint8_t kNull = 6;
inline constexpr std::uint8_t kTimestamp = 7;
inline constexpr std::uint8_t kLongLong = 8;
inline constexpr std::uint8_t kInt24 = 9;
inline constexpr std::uint8_t kDate = 10;
inline constexpr std::uint8_t kTime = 11;
inline constexpr std::uint8_t kDatetime = 12;
inline constexpr std::uint8_t kYear = 13;
inline constexpr std::uint8_t kVarchar = 15;
inline constexpr std::uint8_t kBit = 16;
inline constexpr std::uint8_t kVector = 242;
inline constexpr std::uint8_t kBool = 244;
inline constexpr std::uint8_t kJson = 245;
inline constexpr std::uint8_t kNewDecimal = 246;
inline constexpr std::uint8_t kEnum = 247;
inline constexpr std::uint8_t kSet = 248;
inline constexpr std::uint8_t kTinyBlob = 249;
inline constexpr std::uint8_t kMediumBlob = 250;
inline constexpr std::uint8_t kLongBlob = 251;
inline constexpr std::uint8_t kBlob = 252;
inline constexpr std::uint8_t kVarString = 253;
inline constexpr std::uint8_t kString = 254;
inline constexpr std::uint8_t kGeometry = 255;
}  // namespace field_type

namespace column_flag {
inline constexpr std::uint16_t kNotNull = 0x0001;
inline constexpr std::uint16_t kUnsigned = 0x0020;
inline constexpr std::uint16_t kBinary = 0x0080;
}  // namespace column_flag

struct Column {
  std::string catalog = "def";
  std::string schema;
  std::string table;
  std::string org_table;
  std::string name;
  std::string org_name;
  std::uint16_t collation = 255;
  std::uint32_t length = 0;  // the longest value, in bytes
  std::uint8_t type = field_type::kVarString;
  std::uint16_t flags = 0;
  std::uint8_t decimals = 0;

  bool operator==(const Column&) const = default;
};

Result<Column> decode_column(std::string_view payload);
std::string encode(const Column& column);

}  // namespace dorsal::mysql
