// What mysql.user keeps of passwords: whatever stands there is a verdict or none, and what is made
// of a password by the rules verifies that password and no other.
#include <array>

#include "core/mysql/password_hash.h"
#include "fuzz_input.h"

namespace dorsal::mysql {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array<std::string_view, 4> kPlugins = {"caching_sha2_password",
                                                        "sha256_password",
                                                        "mysql_native_password",
                                                        "another"};
  fuzz::Input input(data, size);
  const auto plugin = kPlugins[input.u8() % kPlugins.size()];
  const auto text = input.rest();
  const auto verdict = verify_password("password", plugin, text);
  if (plugin == kPlugins.back()) require(!verdict);
  if (verdict && *verdict) require(verify_password("another", plugin, text) != verdict);
  return 0;
}

}  // namespace dorsal::mysql
