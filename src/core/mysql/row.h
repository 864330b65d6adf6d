// One row of a result set: as text (the reply to COM_QUERY) or binary (to COM_STMT_EXECUTE).
//
//   text    for each column: fb for NULL, else a lenenc string
//   binary  00  null bitmap[(columns + 9) / 8]  the values of the columns that are not NULL
//
// Bit (column + 2) of the null bitmap stands for a column. Binary values are little-endian numbers
// of 1, 2, 4 or 8 bytes, IEEE floats, a length and that many bytes for dates and times, and lenenc
// strings for everything else.
//
// Source: MySQL Server documentation, "Text Resultset Row" and "Binary Protocol Resultset Row".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "core/mysql/column.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {

using TextRow = std::vector<std::optional<std::string>>;  // empty: NULL

// Corrupt when the payload holds more or fewer columns.
Result<TextRow> decode_text_row(std::string_view payload, std::size_t columns);
std::string encode_text_row(const TextRow& row);

// DATE, DATETIME and TIMESTAMP; a DATE has no time of day.
struct DateTime {
  std::uint16_t year = 0;
  std::uint8_t month = 0;
  std::uint8_t day = 0;
  std::uint8_t hour = 0;
  std::uint8_t minute = 0;
  std::uint8_t second = 0;
  std::uint32_t microsecond = 0;

  bool operator==(const DateTime&) const = default;
};

struct Time {
  bool negative = false;
  std::uint32_t days = 0;
  std::uint8_t hours = 0;
  std::uint8_t minutes = 0;
  std::uint8_t seconds = 0;
  std::uint32_t microseconds = 0;

  bool operator==(const Time&) const = default;
};

// Integers of signed columns are int64, of unsigned ones uint64, whatever their size; DECIMAL, JSON
// and all kinds of text and blob are strings.
using Value = std::variant<std::monostate /*NULL*/,
                           std::int64_t,
                           std::uint64_t,
                           float,
                           double,
                           std::string,
                           DateTime,
                           Time>;
using BinaryRow = std::vector<Value>;

Result<BinaryRow> decode_binary_row(std::string_view payload, const std::vector<Column>& columns);

// The row has one value per column, each NULL or of the kind that its column's type decodes to; any
// other is a broken invariant. Integers are cut to the size of the column.
std::string encode_binary_row(const BinaryRow& row, const std::vector<Column>& columns);

}  // namespace dorsal::mysql
