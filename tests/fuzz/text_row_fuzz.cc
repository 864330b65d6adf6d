// Text rows: what is understood is written so that it is understood the same.
#include "core/mysql/row.h"
#include "fuzz_input.h"

namespace dorsal::mysql {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  auto columns = input.u8();
  auto row = decode_text_row(input.rest(), columns);
  if (!row) return 0;
  require(row->size() == columns);
  auto again = decode_text_row(encode_text_row(*row), columns);
  require(again && *again == *row);
  return 0;
}

}  // namespace dorsal::mysql
