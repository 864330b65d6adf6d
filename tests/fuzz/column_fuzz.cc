// Column definitions: what is understood is written so that it is understood the same.
#include "core/mysql/column.h"
#include "fuzz_input.h"

namespace dorsal::mysql {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  auto column = decode_column(input.rest());
  if (!column) return 0;
  auto again = decode_column(encode(*column));
  require(again && *again == *column);
  return 0;
}

}  // namespace dorsal::mysql
