// COM_CHANGE_USER: what is understood is written so that it is understood the same.
#include "core/mysql/change_user.h"
#include "fuzz_input.h"

namespace dorsal::mysql {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  auto capabilities = capability::kProtocol41 | capability::kSecureConnection;
  if (input.flag()) capabilities |= capability::kPluginAuth;
  if (input.flag()) capabilities |= capability::kConnectAttrs;
  auto request = decode_change_user(input.rest(), capabilities);
  if (!request) return 0;
  auto again = decode_change_user(encode(*request, capabilities), capabilities);
  require(again && *again == *request);
  return 0;
}

}  // namespace dorsal::mysql
