#include "core/mysql/row.h"

#include <bit>

#include "base/bytes.h"
#include "core/mysql/lenenc.h"

namespace dorsal::mysql {

// ---- text rows ----

Result<TextRow> decode_text_row(std::string_view payload, std::size_t columns) {
  Reader reader(payload);
  TextRow row;
  for (std::size_t i = 0; i < columns && reader.ok(); ++i) {
    if (!reader.at_end() && reader.peek() == kNullMarker) {
      reader.skip(1);
      row.emplace_back();
    } else {
      row.emplace_back(read_lenenc_string(reader));
    }
  }
  if (!reader.ok() || !reader.at_end()) return corrupt("a text row does not fit its columns");
  return row;
}

std::string encode_text_row(const TextRow& row) {
  std::string out;
  Writer writer(out);
  for (const auto& value : row) {
    if (value) {
      write_lenenc_string(writer, *value);
    } else {
      writer.u8(kNullMarker);
    }
  }
  return out;
}

// ---- binary rows ----

namespace {

// The first two bits of the null bitmap stand for no column.
constexpr std::size_t kBitmapOffset = 2;

std::size_t bitmap_size(std::size_t columns) { return (columns + kBitmapOffset + 7) / 8; }

bool is_null(std::string_view bitmap, std::size_t column) {
  auto bit = column + kBitmapOffset;
  return (static_cast<unsigned char>(bitmap[bit / 8]) >> (bit % 8) & 1) != 0;
}

void set_null(std::string& bitmap, std::size_t column) {
  auto bit = column + kBitmapOffset;
  bitmap[bit / 8] = static_cast<char>(bitmap[bit / 8] | 1 << (bit % 8));
}

// How the values of a column type travel.
enum class Form { Null, Int1, Int2, Int4, Int8, Float, Double, DateTime, Time, Text };

Form form_of(std::uint8_t type) {
  switch (type) {
    case field_type::kNull:
      return Form::Null;
    case field_type::kTiny:
      return Form::Int1;
    case field_type::kShort:
    case field_type::kYear:
      return Form::Int2;
    case field_type::kLong:
    case field_type::kInt24:
      return Form::Int4;
    case field_type::kLongLong:
      return Form::Int8;
    case field_type::kFloat:
      return Form::Float;
    case field_type::kDouble:
      return Form::Double;
    case field_type::kDate:
    case field_type::kDatetime:
    case field_type::kTimestamp:
      return Form::DateTime;
    case field_type::kTime:
      return Form::Time;
    default:
      return Form::Text;
  }
}

bool is_unsigned(const Column& column) { return (column.flags & column_flag::kUnsigned) != 0; }

// Signed numbers were read without their sign: the cast to the signed type of the same size puts it
// back.
template <class Signed>
Value integer(std::uint64_t raw, const Column& column) {
  if (is_unsigned(column)) return raw;
  return std::int64_t{static_cast<Signed>(raw)};
}

DateTime read_datetime(Reader& reader) {
  DateTime value;
  auto length = reader.u8();
  if (length != 0 && length != 4 && length != 7 && length != 11) reader.fail();
  if (length >= 4) {
    value.year = reader.u16();
    value.month = reader.u8();
    value.day = reader.u8();
  }
  if (length >= 7) {
    value.hour = reader.u8();
    value.minute = reader.u8();
    value.second = reader.u8();
  }
  if (length == 11) value.microsecond = reader.u32();
  return value;
}

Time read_time(Reader& reader) {
  Time value;
  auto length = reader.u8();
  if (length != 0 && length != 8 && length != 12) reader.fail();
  if (length >= 8) {
    value.negative = reader.u8() != 0;
    value.days = reader.u32();
    value.hours = reader.u8();
    value.minutes = reader.u8();
    value.seconds = reader.u8();
  }
  if (length == 12) value.microseconds = reader.u32();
  return value;
}

Value read_value(Reader& reader, const Column& column) {
  switch (form_of(column.type)) {
    case Form::Null:
      return std::monostate();
    case Form::Int1:
      return integer<std::int8_t>(reader.u8(), column);
    case Form::Int2:
      return integer<std::int16_t>(reader.u16(), column);
    case Form::Int4:
      return integer<std::int32_t>(reader.u32(), column);
    case Form::Int8:
      return integer<std::int64_t>(reader.u64(), column);
    case Form::Float:
      return std::bit_cast<float>(reader.u32());
    case Form::Double:
      return std::bit_cast<double>(reader.u64());
    case Form::DateTime:
      return read_datetime(reader);
    case Form::Time:
      return read_time(reader);
    case Form::Text:
      break;
  }
  return std::string(read_lenenc_string(reader));
}

void write_datetime(Writer& writer, const DateTime& value) {
  bool has_micros = value.microsecond != 0;
  bool has_clock = has_micros || value.hour != 0 || value.minute != 0 || value.second != 0;
  if (value == DateTime()) {
    writer.u8(0);
    return;
  }
  writer.u8(has_micros ? 11 : has_clock ? 7 : 4);
  writer.u16(value.year);
  writer.u8(value.month);
  writer.u8(value.day);
  if (!has_clock) return;
  writer.u8(value.hour);
  writer.u8(value.minute);
  writer.u8(value.second);
  if (has_micros) writer.u32(value.microsecond);
}

void write_time(Writer& writer, const Time& value) {
  if (value == Time()) {
    writer.u8(0);
    return;
  }
  writer.u8(value.microseconds != 0 ? 12 : 8);
  writer.u8(value.negative ? 1 : 0);
  writer.u32(value.days);
  writer.u8(value.hours);
  writer.u8(value.minutes);
  writer.u8(value.seconds);
  if (value.microseconds != 0) writer.u32(value.microseconds);
}

template <class T>
const T& get(const Value& value) {
  const auto* held = std::get_if<T>(&value);
  DORSAL_CHECK(held != nullptr);
  return *held;
}

std::uint64_t raw_integer(const Value& value, const Column& column) {
  if (is_unsigned(column)) return get<std::uint64_t>(value);
  return static_cast<std::uint64_t>(get<std::int64_t>(value));
}

void write_value(Writer& writer, const Value& value, const Column& column) {
  auto number = [&] { return raw_integer(value, column); };
  switch (form_of(column.type)) {
    case Form::Null:
      return;
    case Form::Int1:
      return writer.u8(static_cast<std::uint8_t>(number()));
    case Form::Int2:
      return writer.u16(static_cast<std::uint16_t>(number()));
    case Form::Int4:
      return writer.u32(static_cast<std::uint32_t>(number()));
    case Form::Int8:
      return writer.u64(number());
    case Form::Float:
      return writer.u32(std::bit_cast<std::uint32_t>(get<float>(value)));
    case Form::Double:
      return writer.u64(std::bit_cast<std::uint64_t>(get<double>(value)));
    case Form::DateTime:
      return write_datetime(writer, get<DateTime>(value));
    case Form::Time:
      return write_time(writer, get<Time>(value));
    case Form::Text:
      return write_lenenc_string(writer, get<std::string>(value));
  }
}

}  // namespace

Result<BinaryRow> decode_binary_row(std::string_view payload, const std::vector<Column>& columns) {
  Reader reader(payload);
  if (reader.u8() != kOkMarker) return corrupt("a binary row does not begin with 00");
  auto bitmap = reader.take(bitmap_size(columns.size()));
  BinaryRow row;
  for (std::size_t i = 0; i < columns.size() && reader.ok(); ++i) {
    row.push_back(is_null(bitmap, i) ? Value() : read_value(reader, columns[i]));
  }
  if (!reader.ok() || !reader.at_end()) return corrupt("a binary row does not fit its columns");
  return row;
}

std::string encode_binary_row(const BinaryRow& row, const std::vector<Column>& columns) {
  DORSAL_CHECK(row.size() == columns.size());
  std::string bitmap(bitmap_size(columns.size()), '\0');
  std::string values;
  Writer writer(values);
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (std::holds_alternative<std::monostate>(row[i])) {
      set_null(bitmap, i);
    } else {
      write_value(writer, row[i], columns[i]);
    }
  }
  return std::string(1, '\0') + bitmap + values;
}

}  // namespace dorsal::mysql
