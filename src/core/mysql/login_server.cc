#include "core/mysql/login_server.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "core/mysql/auth.h"
#include "core/mysql/compression.h"

namespace dorsal::mysql {
namespace {

// Of one payload of a client that nobody knows yet. The server allows 64 KiB of attributes.
constexpr std::size_t kPayloadLimit = std::size_t{128} << 10;

constexpr std::string_view kFastOk = "\x01\x03";
constexpr std::string_view kFullWanted = "\x01\x04";
constexpr std::string_view kClientAsksForKey = "\x02";
constexpr std::string_view kEmptyCachingReply{"\0", 1};

ErrPacket bad_handshake_error() { return {1043, "08S01", "Bad handshake"}; }

ErrPacket tls_required_error() {
  return {
      3159,
      "HY000",
      "Connections using insecure transport are prohibited while --require_secure_transport=ON."};
}

ErrPacket no_secure_channel_error() {
  return {3159,
          "HY000",
          "Authentication requires a secure connection: connect with TLS, or give this endpoint an "
          "RSA key."};
}

ErrPacket no_compression_error() {
  return {3922, "HY000", "Invalid compression algorithm 'uncompressed'."};
}

ErrPacket compression_level_error() {
  return {3923, "HY000", "Invalid zstd compression level for algorithm 'zstd'."};
}

ErrPacket old_client_error() {
  return {1251,
          "08004",
          "Client does not support authentication protocol requested by server; consider upgrading "
          "MySQL client"};
}

}  // namespace

ErrPacket access_denied(std::string_view user, std::string_view host, bool using_password) {
  return {1045,
          "28000",
          fmt::format("Access denied for user '{}'@'{}' (using password: {})",
                      user,
                      host,
                      using_password ? "YES" : "NO")};
}

ServerLogin::ServerLogin(ServerLoginOptions options)
    : options_(std::move(options)), packets_(kPayloadLimit) {
  auto& greeting = options_.greeting;
  DORSAL_CHECK(greeting.nonce.size() == kNonceSize);
  greeting.capabilities |=
      capability::kProtocol41 | capability::kSecureConnection | capability::kPluginAuth;
  greeting.capabilities &= ~capability::kSsl;
  if (options_.tls_available) greeting.capabilities |= capability::kSsl;
  if (greeting.auth_plugin.empty()) greeting.auth_plugin = kCachingSha2;
}

ServerLogin::ServerLogin(ServerLoginOptions options,
                         const ChangeUser& request,
                         std::uint32_t capabilities,
                         std::uint8_t next_sequence)
    : ServerLogin(std::move(options)) {
  sequence_ = next_sequence;
  capabilities_ = capabilities;
  request_.capabilities = capabilities;
  request_.collation = static_cast<std::uint8_t>(request.collation);
  request_.user = request.user;
  request_.auth_response = request.auth_response;
  request_.schema = request.schema;
  request_.auth_plugin = request.auth_plugin;
  request_.attributes = request.attributes;
  take_first_reply();
  if (plugin_ == kCachingSha2) reply_counts_ = false;
  stage_ = Stage::Ask;
}

Result<Need> ServerLogin::next(std::string_view received) {
  packets_.feed(received);
  switch (stage_) {
    case Stage::Start:
      return begin();
    case Stage::TlsDone:
      if (!packets_.is_empty()) return corrupt("the client sent clear bytes before TLS began");
      is_tls_ = true;
      stage_ = Stage::Request;
      return Need::read();
    case Stage::Ask:
      return answer_ == Answer::None ? Need::ask() : act();
    case Stage::Fail:
      return corrupt(failure_);
    case Stage::Finish:
    case Stage::Done:
      stage_ = Stage::Done;
      return Need::done();
    case Stage::Request:
    case Stage::SwitchReply:
    case Stage::FullReply:
    case Stage::EncryptedReply:
      break;
  }
  return read_packet();
}

Need ServerLogin::begin() { return write(encode(options_.greeting), Stage::Request); }

Need ServerLogin::read_packet() {
  auto packet = packets_.take();
  if (!packet) return bad_handshake(packet.error().message);
  if (!packet->has_value()) return Need::read();
  if ((*packet)->first_sequence != sequence_) {
    return bad_handshake("the client's packets are out of order");
  }
  sequence_ = static_cast<std::uint8_t>((*packet)->last_sequence + 1);
  // It may be the password itself.
  const Scratch payload(std::move((*packet)->payload));
  packets_.wipe_taken();
  return on_packet(payload.text);
}

Need ServerLogin::on_packet(std::string_view payload) {
  switch (stage_) {
    case Stage::Request:
      return is_ssl_request(payload) ? on_ssl_request() : on_request(payload);
    case Stage::SwitchReply:
      return on_switch_reply(payload);
    case Stage::FullReply:
      return on_full_reply(payload);
    default:
      return on_encrypted_reply(payload);
  }
}

// ---- the log-in request ----

Need ServerLogin::on_ssl_request() {
  if (!options_.tls_available || is_tls_)
    return bad_handshake("the client asks for TLS out of turn");
  stage_ = Stage::TlsDone;
  return Need::start_tls();
}

Need ServerLogin::on_request(std::string_view payload) {
  auto request = decode_login_request(payload);
  if (!request) return bad_handshake(request.error().message);
  request_ = *std::move(request);
  capabilities_ = request_.capabilities & options_.greeting.capabilities;
  take_first_reply();
  const auto compression = compression_of(capabilities_);
  if (compression == CompressionMethod::None && options_.compression_required) {
    return deny_with(no_compression_error());
  }
  const bool has_level =
      request_.zstd_level >= kLowestZstdLevel && request_.zstd_level <= kHighestZstdLevel;
  if (compression == CompressionMethod::Zstd && !has_level) {
    return deny_with(compression_level_error());
  }
  if (options_.tls_required && !is_secure()) return deny_with(tls_required_error());
  return ask();
}

// A client that names no plug-in because it cannot is of the time of the native password. One that
// prefers another plug-in than the greeting's has no nonce for it in its own eyes, and may send an
// empty reply that means "tell me", not "no password".
void ServerLogin::take_first_reply() {
  bool can_name = (capabilities_ & capability::kPluginAuth) != 0;
  plugin_ = can_name ? request_.auth_plugin : kNativePassword;
  reply_ = request_.auth_response;
  reply_counts_ = !can_name || plugin_ == options_.greeting.auth_plugin || !reply_.empty();
  outcome_.user = request_.user;
}

Need ServerLogin::on_switch_reply(std::string_view payload) {
  reply_ = payload;
  return plugin_ == kNativePassword ? verify_native() : ask();
}

// ---- what the owner looks at and answers ----

bool ServerLogin::empty_password() const {
  if (!reply_counts_) return false;
  return reply_.empty() || (plugin_ == kCachingSha2 && reply_ == kEmptyCachingReply);
}

bool ServerLogin::proves(std::string_view sha256_of_sha256) const {
  return is_for(kCachingSha2) &&
         verify_caching_sha2(reply_, options_.greeting.nonce, sha256_of_sha256);
}

bool ServerLogin::is_for(std::string_view plugin) const {
  return reply_counts_ && plugin_ == plugin;
}

void ServerLogin::give(Answer answer) {
  DORSAL_CHECK(stage_ == Stage::Ask && answer_ == Answer::None);
  answer_ = answer;
}

void ServerLogin::answer_fast_ok() {
  DORSAL_CHECK(is_for(kCachingSha2));
  give(Answer::FastOk);
}

void ServerLogin::answer_full() { give(Answer::Full); }

void ServerLogin::answer_native(std::string double_sha1) {
  double_sha1_ = std::move(double_sha1);
  give(Answer::Native);
}

void ServerLogin::answer_deny(ErrPacket err) {
  deny_ = std::move(err);
  give(Answer::Deny);
}

Need ServerLogin::ask() {
  stage_ = Stage::Ask;
  return Need::ask();
}

Need ServerLogin::act() {
  switch (std::exchange(answer_, Answer::None)) {
    case Answer::FastOk:
      outcome_.method = ServerLoginOutcome::Method::Fast;
      return write(kFastOk, Stage::Finish);
    case Answer::Full:
      return act_full();
    case Answer::Native:
      return act_native();
    case Answer::Deny:
    case Answer::None:
      break;
  }
  return deny_with(deny_);
}

Need ServerLogin::switch_to(std::string_view plugin) {
  if ((capabilities_ & capability::kPluginAuth) == 0) return deny_with(old_client_error());
  plugin_ = plugin;
  reply_counts_ = true;
  std::string payload;
  Writer writer(payload);
  writer.u8(kEofMarker);
  writer.zero_terminated(plugin);
  writer.zero_terminated(options_.greeting.nonce);
  return write(payload, Stage::SwitchReply);
}

// ---- native password ----

Need ServerLogin::act_native() {
  return is_for(kNativePassword) ? verify_native() : switch_to(kNativePassword);
}

Need ServerLogin::verify_native() {
  using Method = ServerLoginOutcome::Method;
  if (double_sha1_.empty()) return done(reply_.empty() ? Method::Empty : Method::Denied);
  auto recovered = recover_native_sha1(reply_, options_.greeting.nonce, double_sha1_);
  if (!recovered) return done(Method::Denied);
  const Scratch once(*std::move(recovered));
  outcome_.native_sha1 = Secret(once.text);
  return done(Method::Native);
}

// ---- the clear password ----

Need ServerLogin::act_full() {
  if (!is_for(kCachingSha2)) return switch_to(kCachingSha2);
  if (empty_password()) return done(ServerLoginOutcome::Method::Empty);
  if (!is_secure() && options_.rsa_key == nullptr) return deny_with(no_secure_channel_error());
  return write(kFullWanted, Stage::FullReply);
}

Need ServerLogin::on_full_reply(std::string_view payload) {
  if (is_secure()) return accept_password(payload);
  // A client that was given the public key beforehand does not ask for it.
  if (payload != kClientAsksForKey) return on_encrypted_reply(payload);
  std::string key(1, static_cast<char>(kAuthMoreMarker));
  key += options_.rsa_key->public_pem();
  return write(key, Stage::EncryptedReply);
}

Need ServerLogin::on_encrypted_reply(std::string_view payload) {
  auto text = options_.rsa_key->decrypt(payload);
  if (!text) return done(ServerLoginOutcome::Method::Denied);
  const Scratch hidden(*std::move(text));
  const Scratch clear(xor_with_nonce(hidden.text, options_.greeting.nonce));
  return accept_password(clear.text);
}

Need ServerLogin::accept_password(std::string_view zero_terminated) {
  auto zero = zero_terminated.find('\0');
  bool is_whole = !zero_terminated.empty() && zero == zero_terminated.size() - 1;
  if (!is_whole) return done(ServerLoginOutcome::Method::Denied);
  outcome_.password = Secret(zero_terminated.substr(0, zero));
  return done(ServerLoginOutcome::Method::Full);
}

// ---- the end ----

Need ServerLogin::done(ServerLoginOutcome::Method method) {
  outcome_.method = method;
  stage_ = Stage::Done;
  return Need::done();
}

Need ServerLogin::deny_with(const ErrPacket& err) {
  outcome_.method = ServerLoginOutcome::Method::Denied;
  outcome_.is_answered = true;
  return write(encode(err, capabilities_), Stage::Finish);
}

Need ServerLogin::bad_handshake(std::string why) {
  failure_ = std::move(why);
  outcome_.is_answered = true;
  return write(encode(bad_handshake_error(), capability::kProtocol41), Stage::Fail);
}

Need ServerLogin::write(std::string_view payload, Stage next_stage) {
  stage_ = next_stage;
  std::string bytes;
  append_packet(bytes, sequence_, payload);
  return Need::write(std::move(bytes));
}

}  // namespace dorsal::mysql
