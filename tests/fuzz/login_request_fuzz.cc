// The log-in request: what is understood is written so that it is understood the same.
#include "core/mysql/login_request.h"
#include "fuzz_input.h"

namespace dorsal::mysql {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  (void)is_ssl_request(input.rest());
  auto request = decode_login_request(input.rest());
  if (!request) return 0;
  auto again = decode_login_request(encode(*request));
  require(again && *again == *request);
  return 0;
}

}  // namespace dorsal::mysql
