// The greeting: what is understood is written so that it is understood the same.
#include "core/mysql/greeting.h"
#include "fuzz_input.h"

namespace dorsal::mysql {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  auto greeting = decode_greeting(input.rest());
  if (!greeting) return 0;
  auto again = decode_greeting(encode(*greeting));
  require(again && *again == *greeting);
  return 0;
}

}  // namespace dorsal::mysql
