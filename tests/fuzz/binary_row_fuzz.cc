// Binary rows of any column types: what is understood is written so that it is understood the same.
#include "core/mysql/row.h"
#include "fuzz_input.h"

namespace dorsal::mysql {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::vector<Column> columns(input.u8() % 20);
  for (auto& column : columns) {
    column.type = input.u8();
    column.flags = input.flag() ? column_flag::kUnsigned : std::uint16_t{0};
  }
  auto row = decode_binary_row(input.rest(), columns);
  if (!row) return 0;
  // Texts are compared, not values: a float may be no number, which equals nothing.
  auto written = encode_binary_row(*row, columns);
  auto again = decode_binary_row(written, columns);
  require(again && encode_binary_row(*again, columns) == written);
  return 0;
}

}  // namespace dorsal::mysql
