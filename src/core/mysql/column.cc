#include "core/mysql/column.h"

#include "base/bytes.h"
#include "core/mysql/lenenc.h"

namespace dorsal::mysql {
namespace {

constexpr std::uint64_t kFixedSize = 12;

}  // namespace

Result<Column> decode_column(std::string_view payload) {
  Reader reader(payload);
  Column column;
  column.catalog = read_lenenc_string(reader);
  column.schema = read_lenenc_string(reader);
  column.table = read_lenenc_string(reader);
  column.org_table = read_lenenc_string(reader);
  column.name = read_lenenc_string(reader);
  column.org_name = read_lenenc_string(reader);
  if (read_lenenc(reader) != kFixedSize) reader.fail();
  column.collation = reader.u16();
  column.length = reader.u32();
  column.type = reader.u8();
  column.flags = reader.u16();
  column.decimals = reader.u8();
  reader.skip(2);
  if (!reader.ok()) return corrupt("a column definition is malformed");
  return column;
}

std::string encode(const Column& column) {
  std::string out;
  Writer writer(out);
  for (const auto* name : {&column.catalog,
                           &column.schema,
                           &column.table,
                           &column.org_table,
                           &column.name,
                           &column.org_name}) {
    write_lenenc_string(writer, *name);
  }
  write_lenenc(writer, kFixedSize);
  writer.u16(column.collation);
  writer.u32(column.length);
  writer.u8(column.type);
  writer.u16(column.flags);
  writer.u8(column.decimals);
  writer.zeros(2);
  return out;
}

}  // namespace dorsal::mysql
