#include "core/mysql/statement.h"

#include <algorithm>

#include "base/bytes.h"
#include "core/mysql/column.h"
#include "core/mysql/lenenc.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {
namespace {

constexpr std::uint64_t kMostParameters = 65535;  // the server's own limit
constexpr std::uint16_t kUnsignedBit = 0x8000;

bool has(std::uint32_t capabilities, std::uint32_t capability) {
  return (capabilities & capability) != 0;
}

// The parameter block, see the header. Offsets are from the start of the reader's bytes.
struct Block {
  std::size_t count = 0;
  std::size_t null_bitmap_offset = 0;
  bool types_follow = false;
  std::size_t types_offset = 0;
  std::size_t types_length = 0;
  std::size_t values_offset = 0;
};

void skip_types(Reader& reader, std::size_t count, bool named) {
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    reader.skip(2);
    if (named) (void)read_lenenc_string(reader);
  }
}

// Everything up to the values. `count` is what stands for the number in the block when it has none.
Block read_block(Reader& reader, std::size_t count, bool named, bool has_sets) {
  Block block;
  block.count = count;
  if (named) {
    auto announced = read_lenenc(reader);
    if (announced > kMostParameters) reader.fail();
    block.count = static_cast<std::size_t>(announced);
  }
  if (has_sets && read_lenenc(reader) != 1) reader.fail();
  if (block.count == 0 || !reader.ok()) return block;

  block.null_bitmap_offset = reader.position();
  reader.skip((block.count + 7) / 8);
  block.types_follow = reader.u8() != 0;
  block.types_offset = reader.position();
  if (block.types_follow) skip_types(reader, block.count, named);
  block.values_offset = reader.position();
  block.types_length = block.values_offset - block.types_offset;
  return block;
}

bool is_text(std::uint16_t type) {
  switch (type) {
    case field_type::kVarchar:
    case field_type::kEnum:
    case field_type::kSet:
    case field_type::kTinyBlob:
    case field_type::kMediumBlob:
    case field_type::kLongBlob:
    case field_type::kBlob:
    case field_type::kVarString:
    case field_type::kString:
      return true;
    default:
      return false;
  }
}

// The bytes of one parameter's value, without its length; see get_ps_param_len() of the server.
// Note that YEAR and INT24 are numbers in rows, but lenenc strings here.
std::string_view read_parameter(Reader& reader, std::uint16_t type) {
  switch (type) {
    case field_type::kTiny:
      return reader.take(1);
    case field_type::kShort:
      return reader.take(2);
    case field_type::kLong:
    case field_type::kFloat:
      return reader.take(4);
    case field_type::kLongLong:
    case field_type::kDouble:
      return reader.take(8);
    default:
      return read_lenenc_string(reader);
  }
}

// Which lengths a server takes for a parameter of that type; MySQL 9.7.4 as it was seen.
bool may_be_so_long(std::uint16_t type, std::size_t length) {
  switch (type) {
    case field_type::kDate:
      return length == 0 || length == 4;
    case field_type::kDatetime:
    case field_type::kTimestamp:
      return length == 0 || length == 4 || length == 7 || length == 11 || length == 13;
    case field_type::kTime:
      return length == 0 || length == 8 || length == 12;
    case field_type::kBool:
      return false;
    default:
      return true;
  }
}

bool is_null(std::string_view bitmap, std::size_t parameter) {
  return (static_cast<unsigned char>(bitmap[parameter / 8]) >> (parameter % 8) & 1) != 0;
}

// Reads the values behind the block and keeps the text ones that have a name.
void read_attributes(std::string_view payload,
                     const Block& block,
                     Reader& values,
                     QueryView& query) {
  auto bitmap = payload.substr(block.null_bitmap_offset);
  Reader types(payload.substr(block.types_offset, block.types_length));
  for (std::size_t i = 0; i < block.count && values.ok(); ++i) {
    auto type = static_cast<std::uint16_t>(types.u16() & ~kUnsignedBit);
    auto name = read_lenenc_string(types);
    if (is_null(bitmap, i)) continue;
    auto value = read_parameter(values, type);
    if (values.ok() && is_text(type) && !name.empty()) {
      query.text_attributes.emplace_back(name, value);
    }
  }
}

}  // namespace

// ---- PREPARE ----

Result<PrepareOk> decode_prepare_ok(std::string_view payload, std::uint32_t capabilities) {
  Reader reader(payload);
  if (reader.u8() != kOkMarker) return corrupt("the reply to PREPARE does not begin with 00");
  PrepareOk ok;
  ok.statement_id = reader.u32();
  ok.columns = reader.u16();
  ok.parameters = reader.u16();
  reader.skip(1);
  ok.warnings = reader.u16();
  if (has(capabilities, capability::kOptionalResultsetMetadata)) {
    ok.metadata_follows = reader.u8() != 0;
  }
  if (!reader.ok()) return corrupt("the reply to PREPARE is cut short");
  return ok;
}

std::string encode(const PrepareOk& ok, std::uint32_t capabilities) {
  std::string out;
  Writer writer(out);
  writer.u8(kOkMarker);
  writer.u32(ok.statement_id);
  writer.u16(ok.columns);
  writer.u16(ok.parameters);
  writer.u8(0);
  writer.u16(ok.warnings);
  if (has(capabilities, capability::kOptionalResultsetMetadata)) {
    writer.u8(ok.metadata_follows ? 1 : 0);
  }
  return out;
}

// ---- EXECUTE ----

Result<ExecuteView> view_execute(std::string_view payload,
                                 std::size_t parameters,
                                 std::uint32_t capabilities) {
  Reader reader(payload);
  if (reader.u8() != static_cast<std::uint8_t>(Command::StmtExecute)) {
    return corrupt("the command is not COM_STMT_EXECUTE");
  }
  ExecuteView view;
  view.statement_id = reader.u32();
  view.flags = reader.u8();
  view.iterations = reader.u32();
  bool named = has(capabilities, capability::kQueryAttributes);
  bool counts = named && (view.flags & execute_flag::kParameterCountAvailable) != 0;
  Block block;
  if (reader.ok() && (parameters > 0 || counts))
    block = read_block(reader, parameters, named, false);
  if (!reader.ok()) return corrupt("COM_STMT_EXECUTE is malformed");
  view.parameters = block.count;
  view.null_bitmap_offset = block.null_bitmap_offset;
  view.types_follow = block.types_follow;
  view.types_offset = block.types_offset;
  view.types_length = block.types_length;
  view.has_attributes = block.count != parameters;
  if (block.types_follow) {
    Reader types(payload.substr(block.types_offset, block.types_length));
    skip_types(types, std::min(block.count, parameters), named);
    view.own_types_length = types.position();
  }
  view.values_offset = block.values_offset;
  return view;
}

std::string_view types_of(std::string_view payload, const ExecuteView& view) {
  return payload.substr(view.types_offset, view.own_types_length);
}

bool values_are_whole(std::string_view payload,
                      const ExecuteView& view,
                      std::string_view types,
                      std::uint32_t capabilities) {
  if (view.parameters == 0) return true;
  const bool named = has(capabilities, capability::kQueryAttributes);
  const auto bitmap = payload.substr(view.null_bitmap_offset);
  Reader values(payload.substr(view.values_offset));
  if (view.types_follow) types = payload.substr(view.types_offset, view.types_length);
  Reader each(types);
  for (std::size_t i = 0; i < view.parameters && each.ok() && values.ok(); ++i) {
    const auto type = static_cast<std::uint16_t>(each.u16() & ~kUnsignedBit);
    if (named) (void)read_lenenc_string(each);
    if (is_null(bitmap, i)) continue;
    const auto value = read_parameter(values, type);
    if (!may_be_so_long(type, value.size())) return false;
  }
  return each.ok() && values.ok();
}

std::string with_types(std::string_view payload, const ExecuteView& view, std::string_view types) {
  const bool lacks_types = view.parameters > 0 && !view.types_follow;
  if (!lacks_types || view.has_attributes || types.empty()) return std::string(payload);
  std::string out(payload.substr(0, view.types_offset - 1));
  out.push_back('\1');
  out += types;
  out += payload.substr(view.values_offset);
  return out;
}

void open_no_cursor(std::string& payload) {
  constexpr std::size_t kFlags = 5;  // behind the command byte and the statement's number
  payload.at(kFlags) = static_cast<char>(payload[kFlags] & execute_flag::kParameterCountAvailable);
}

void set_statement_id(std::string& payload, std::uint32_t id) {
  DORSAL_CHECK(payload.size() >= 5);
  std::string bytes;
  Writer(bytes).u32(id);
  payload.replace(1, bytes.size(), bytes);
}

// ---- QUERY ----

Result<QueryView> view_query(std::string_view payload, std::uint32_t capabilities) {
  QueryView query;
  if (!has(capabilities, capability::kQueryAttributes)) {
    query.sql = payload;
    return query;
  }
  Reader reader(payload);
  auto block = read_block(reader, 0, true, true);
  if (block.count > 0 && !block.types_follow) reader.fail();
  if (block.count > 0 && reader.ok()) read_attributes(payload, block, reader, query);
  if (!reader.ok()) return corrupt("the attributes of COM_QUERY are malformed");
  query.attributes_block = payload.substr(0, reader.position());
  query.sql = reader.rest();
  return query;
}

std::string encode_query(std::string_view sql, std::uint32_t capabilities) {
  std::string out;
  Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(Command::Query));
  if (has(capabilities, capability::kQueryAttributes)) {
    writer.u8(0);  // no attributes
    writer.u8(1);  // one set of them
  }
  writer.put(sql);
  return out;
}

}  // namespace dorsal::mysql
