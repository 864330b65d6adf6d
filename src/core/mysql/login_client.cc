#include "core/mysql/login_client.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/crypto.h"
#include "core/mysql/auth.h"

namespace dorsal::mysql {
namespace {

// Of one payload of the server. An OK with a session's changes is the longest that comes.
constexpr std::size_t kPayloadLimit = std::size_t{1} << 20;

constexpr std::uint32_t kNeeded =
    capability::kProtocol41 | capability::kSecureConnection | capability::kPluginAuth;
constexpr std::uint32_t kUseful =
    capability::kLongPassword | capability::kTransactions | capability::kPluginAuthLenencData;

// Decided here and not by the caller.
constexpr std::uint32_t kOurs = capability::kSsl | capability::kConnectWithDb |
                                capability::kConnectAttrs | capability::kMultiFactorAuthentication;

// What follows 01 in caching_sha2_password, and what the client asks with.
constexpr std::string_view kFastOk = "\x03";
constexpr std::string_view kFullWanted = "\x04";
constexpr std::string_view kAskForKey = "\x02";

// The same question in sha256_password.
constexpr std::string_view kAskForSha256Key = "\x01";

std::string zero_terminated(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 1);
  out.append(text).push_back('\0');
  return out;
}

}  // namespace

ErrPacket further_factor_error(std::string_view user) {
  return {1251,
          "08004",
          fmt::format("Dorsal: user '{}' has multi-factor authentication, of which Dorsal can pass "
                      "on the first factor only; use an account that has a single factor",
                      user)};
}

ClientLogin::ClientLogin(ClientLoginOptions options)
    : options_(std::move(options)), packets_(kPayloadLimit) {}

Result<Need> ClientLogin::next(std::string_view received) {
  packets_.feed(received);
  if (stage_ == Stage::Start) stage_ = Stage::Greeting;
  if (stage_ == Stage::StartTls) return begin_tls();
  if (stage_ == Stage::TlsDone) {
    is_tls_ = true;
    return send_login_request();
  }
  while (stage_ != Stage::Done) {
    DORSAL_TRY(auto packet, packets_.take());
    if (!packet) return Need::read();
    // A server that gives up on its own sends its ERR with whatever number it has.
    if (packet->first_sequence != sequence_ && !is_err(packet->payload)) {
      return corrupt("the server's packets are out of order");
    }
    sequence_ = static_cast<std::uint8_t>(packet->last_sequence + 1);
    DORSAL_TRY(auto need, on_packet(packet->payload));
    if (need.kind != Need::Kind::Read) return need;
  }
  return Need::done();
}

Result<Need> ClientLogin::on_packet(std::string_view payload) {
  if (payload.empty()) return corrupt("the server sent an empty packet");
  if (is_err(payload)) return finish_err(payload);
  if (stage_ == Stage::Greeting) return on_greeting(payload);
  if (stage_ == Stage::RsaKey) return on_rsa_key(payload);
  return on_reply(payload);
}

// ---- greeting and log-in request ----

Result<Need> ClientLogin::on_greeting(std::string_view payload) {
  DORSAL_TRY(greeting_, decode_greeting(payload));
  nonce_ = greeting_.nonce;
  plugin_ = choose_plugin();
  DORSAL_TRY_VOID(choose_capabilities());
  if (!wants_tls()) return send_login_request();
  return write(encode_ssl_request(capabilities_, options_.max_packet, options_.collation),
               Stage::StartTls);
}

Result<void> ClientLogin::choose_capabilities() {
  auto offered = greeting_.capabilities;
  if ((offered & kNeeded) != kNeeded) {
    return unavailable("the server is older than MySQL 5.5.7; Dorsal cannot log in there");
  }
  bool tls_is_missing =
      options_.tls == ClientLoginOptions::Tls::Required && (offered & capability::kSsl) == 0;
  if (tls_is_missing) return unavailable("the server offers no TLS, which is required");
  auto wanted = (options_.capabilities & ~kOurs) | kNeeded | kUseful;
  if (!options_.schema.empty()) wanted |= capability::kConnectWithDb;
  if (!options_.attributes.empty()) wanted |= capability::kConnectAttrs;
  if (wants_tls()) wanted |= capability::kSsl;
  capabilities_ = wanted & offered;
  return {};
}

bool ClientLogin::wants_tls() const {
  using Tls = ClientLoginOptions::Tls;
  if (options_.tls == Tls::Required) return true;
  bool is_offered = (greeting_.capabilities & capability::kSsl) != 0;
  return options_.tls == Tls::Preferred && is_offered && !options_.channel_is_secure;
}

// The server's own if we know it: that saves a round trip for accounts that have it. The server
// switches if the account has another.
std::string ClientLogin::choose_plugin() const {
  if (options_.native_sha1) return kNativePassword;
  return greeting_.auth_plugin == kNativePassword ? kNativePassword : kCachingSha2;
}

Result<Need> ClientLogin::begin_tls() {
  // Whoever sits on the line could have put them there to be taken for the server's.
  if (!packets_.is_empty()) return corrupt("the server sent clear bytes after its offer of TLS");
  stage_ = Stage::TlsDone;
  return Need::start_tls();
}

Result<Need> ClientLogin::send_login_request() {
  LoginRequest request;
  request.capabilities = capabilities_;
  request.max_packet = options_.max_packet;
  request.collation = options_.collation;
  request.user = options_.user;
  DORSAL_TRY(request.auth_response, first_reply(plugin_));
  request.schema = options_.schema;
  request.auth_plugin = plugin_;
  request.attributes = options_.attributes;
  request.zstd_level = options_.zstd_level;
  return write(encode(request), Stage::Reply);
}

// ---- authentication ----

Result<std::string> ClientLogin::first_reply(std::string_view plugin) const {
  if (plugin == kNativePassword) {
    return options_.native_sha1 ? native_reply_from_sha1(options_.native_sha1->view(), nonce_)
                                : native_reply(options_.password.view(), nonce_);
  }
  if (plugin != kCachingSha2 && plugin != kSha256Password && plugin != kClearPassword) {
    return invalid(
        fmt::format("the server wants the authentication plug-in '{}' for user '{}', "
                    "which Dorsal does not know",
                    plugin,
                    options_.user));
  }
  if (options_.native_sha1) {
    return invalid(
        fmt::format("the server wants the plug-in '{}' for user '{}', but only the hash "
                    "for mysql_native_password is known",
                    plugin,
                    options_.user));
  }
  if (plugin == kCachingSha2) return caching_sha2_reply(options_.password.view(), nonce_);
  bool may_ask_for_key =
      plugin == kSha256Password && options_.allow_rsa && !options_.password.empty();
  if (may_ask_for_key && !may_send_clear()) return std::string(kAskForSha256Key);
  if (!may_send_clear() && !options_.password.empty()) {
    return invalid(
        fmt::format("the server wants the clear password of user '{}' without TLS", options_.user));
  }
  return zero_terminated(options_.password.view());
}

Result<Need> ClientLogin::on_reply(std::string_view payload) {
  auto marker = static_cast<std::uint8_t>(payload[0]);
  bool is_final = stage_ == Stage::FinalReply;
  if (marker == kOkMarker) return finish_ok(payload);
  if (marker == kAuthMoreMarker && !is_final) return on_auth_more(payload.substr(1));
  if (marker == kEofMarker && !is_final) return on_auth_switch(payload);
  if (marker == kAuthNextFactorMarker) return refuse_further_factor();
  return corrupt(fmt::format("the server answers the log-in with a packet of type {}", marker));
}

Result<Need> ClientLogin::on_auth_more(std::string_view data) {
  if (plugin_ == kCachingSha2 && data == kFastOk) {
    stage_ = Stage::FinalReply;
    return Need::read();
  }
  if (plugin_ == kCachingSha2 && data == kFullWanted) return send_full_password();
  if (plugin_ == kSha256Password && !may_send_clear()) return send_encrypted_password(data);
  return corrupt(fmt::format("the server sends data that {} does not know", plugin_));
}

Result<Need> ClientLogin::on_auth_switch(std::string_view payload) {
  if (has_switched_) return corrupt("the server switches the authentication plug-in twice");
  has_switched_ = true;
  Reader reader(payload.substr(1));
  if (reader.at_end()) return invalid("the server wants the password hash of MySQL before 4.1");
  plugin_ = reader.zero_terminated();
  nonce_ = reader.rest();
  if (!nonce_.empty() && nonce_.back() == '\0') nonce_.pop_back();
  bool needs_nonce =
      plugin_ == kCachingSha2 || plugin_ == kSha256Password || plugin_ == kNativePassword;
  if (!reader.ok() || (needs_nonce && nonce_.size() != kNonceSize)) {
    return corrupt("the server's request to switch the authentication plug-in is malformed");
  }
  DORSAL_TRY(auto first, first_reply(plugin_));
  Scratch scratch(std::move(first));
  auto& reply = scratch.text;
  // caching_sha2_password says "empty password" with a single zero, so do the server's own clients.
  if (plugin_ == kCachingSha2 && reply.empty()) reply = zero_terminated(reply);
  return write(reply, Stage::Reply);
}

Result<Need> ClientLogin::send_full_password() {
  if (may_send_clear()) {
    const Scratch clear(zero_terminated(options_.password.view()));
    return write(clear.text, Stage::FinalReply);
  }
  if (options_.allow_rsa) return write(kAskForKey, Stage::RsaKey);
  return invalid(fmt::format("the server wants the whole password of user '{}', which needs TLS",
                             options_.user));
}

Result<Need> ClientLogin::on_rsa_key(std::string_view payload) {
  if (static_cast<std::uint8_t>(payload[0]) != kAuthMoreMarker) {
    return corrupt("the server does not send its RSA key");
  }
  return send_encrypted_password(payload.substr(1));
}

Result<Need> ClientLogin::send_encrypted_password(std::string_view key) {
  const Scratch clear(zero_terminated(options_.password.view()));
  const Scratch hidden(xor_with_nonce(clear.text, nonce_));
  DORSAL_TRY(auto encrypted, rsa_encrypt(key, hidden.text));
  return write(encrypted, Stage::FinalReply);
}

// ---- the end ----

Result<Need> ClientLogin::finish_ok(std::string_view payload) {
  DORSAL_TRY(ok_, decode_ok(payload, capabilities_));
  stage_ = Stage::Done;
  return Need::done();
}

Result<Need> ClientLogin::finish_err(std::string_view payload) {
  // capabilities_ is still empty when the ERR stands in the greeting's place.
  DORSAL_TRY(refused_, decode_err(payload, capabilities_));
  stage_ = Stage::Done;
  return Need::done();
}

// The first factor was accepted. The connection is of no more use.
Result<Need> ClientLogin::refuse_further_factor() {
  refused_ = further_factor_error(options_.user);
  stage_ = Stage::Done;
  return Need::done();
}

Need ClientLogin::write(std::string_view payload, Stage next_stage) {
  stage_ = next_stage;
  std::string bytes;
  append_packet(bytes, sequence_, payload);
  return Need::write(std::move(bytes));
}

}  // namespace dorsal::mysql
