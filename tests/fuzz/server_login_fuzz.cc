// Any bytes from a client that logs in, and any answers of the owner: the log-in ends in an
// outcome, an error or the wish for more, and nobody is let in by a proof that was not given.
#include "base/crypto.h"
#include "conversation_driver.h"
#include "core/mysql/auth.h"
#include "core/mysql/login_server.h"

namespace dorsal::mysql {
namespace {

using fuzz::require;
using Method = ServerLoginOutcome::Method;

void answer(ServerLogin& login, std::uint8_t choice) {
  (void)login.empty_password();
  if (login.proves(caching_sha2_digest("secret"))) return login.answer_fast_ok();
  switch (choice % 4) {
    case 0:
      return login.answer_full();
    case 1:
      return login.answer_native(sha1(sha1("secret")));
    case 2:
      return login.answer_native("");
    default:
      return login.answer_deny(access_denied(login.request().user, "h", true));
  }
}

void check(const ServerLogin& login) {
  const auto& outcome = login.outcome();
  require((outcome.method == Method::Native) == (outcome.native_sha1.view() == sha1("secret")));
  require(outcome.method == Method::Full || outcome.password.empty());
  require(outcome.method == Method::Denied || !outcome.is_answered);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const RsaKey kKey = RsaKey::generate();
  fuzz::Input input(data, size);
  ServerLoginOptions options;
  options.greeting.server_version = "9.7.0";
  options.greeting.nonce = "0123456789abcdefghij";
  options.greeting.capabilities = 0xdfffffff;
  options.tls_available = input.flag();
  options.tls_required = input.flag();
  options.channel_is_secure = input.flag();
  if (input.flag()) options.rsa_key = &kKey;
  auto choice = input.u8();
  auto seed = input.u8();
  auto give = [choice](ServerLogin& login) { answer(login, choice); };
  auto capabilities = capability::kProtocol41 | capability::kPluginAuth | capability::kConnectAttrs;

  ServerLogin login(options);
  auto end = fuzz::drive<ServerLogin>(login, input.rest(), seed, give);
  if (end && end->kind == Need::Kind::Done) check(login);

  auto request = decode_change_user(input.rest(), capabilities);
  if (!request) return 0;
  ServerLogin change(options, *request, capabilities, 1);
  end = fuzz::drive<ServerLogin>(change, input.rest(), seed, give);
  if (end && end->kind == Need::Kind::Done) check(change);
  return 0;
}

}  // namespace dorsal::mysql
