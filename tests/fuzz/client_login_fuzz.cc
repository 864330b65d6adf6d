// Any bytes from a server while Dorsal logs in: the log-in ends in an outcome, an error or the wish
// for more, and is never a success without the TLS that was required.
#include "conversation_driver.h"
#include "core/mysql/login_client.h"

namespace dorsal::mysql {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  ClientLoginOptions options;
  options.user = "app";
  options.password = Secret("secret");
  options.schema = "shop";
  options.tls = static_cast<ClientLoginOptions::Tls>(input.u8() % 3);
  options.channel_is_secure = input.flag();
  if (input.flag()) options.native_sha1 = Secret(std::string(20, 's'));
  options.allow_rsa = input.flag();
  options.capabilities = capability::kSessionTrack | capability::kDeprecateEof;
  auto seed = input.u8();
  ClientLogin login(options);
  auto end = fuzz::drive<ClientLogin>(login, input.rest(), seed, [](ClientLogin&) {});
  bool is_done = end && end->kind == Need::Kind::Done;
  if (is_done && !login.refused()) {
    require((login.capabilities() & capability::kProtocol41) != 0);
    require(options.tls != ClientLoginOptions::Tls::Required || login.is_tls());
  }
  return 0;
}

}  // namespace dorsal::mysql
