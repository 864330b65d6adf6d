#include "service/proxy/own_columns.h"

#include <utility>

namespace dorsal::proxy {
namespace {

constexpr std::uint16_t kBinaryCollation = 63;  // what numbers are sent in
constexpr std::uint8_t kTextDecimals = 31;      // none, in what servers say of texts

}  // namespace

mysql::Column text_column(std::string name, std::uint32_t length) {
  mysql::Column column;
  column.decimals = kTextDecimals;
  column.name = std::move(name);
  column.length = length;
  return column;
}

mysql::Column number_column(std::string name, std::uint16_t flags) {
  mysql::Column column = text_column(std::move(name), 21);
  column.type = mysql::field_type::kLongLong;
  column.flags = mysql::column_flag::kBinary | flags;
  column.collation = kBinaryCollation;
  column.decimals = 0;
  return column;
}

}  // namespace dorsal::proxy
