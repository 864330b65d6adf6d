// Logs in to a MySQL server.
//
//   server  greeting, or ERR
//   client  [SSLRequest, TLS]  login request
//   server  (AuthSwitchRequest | AuthMoreData)*, then OK or ERR; the client answers in between
//
// caching_sha2_password answers 01 03 when the server has the password in its cache, else 01 04;
// the client then sends the password itself, in clear over TLS or a Unix socket, RSA-encrypted
// without. A server that wants a further factor (AuthNextFactor) ends the log-in as if it had
// refused it, with further_factor_error(). What the server refuses is an outcome (Done, refused()),
// as is success (Done, ok()). An Error is a server that does not speak the protocol, or that wants
// what the options do not permit: the connection is then of no use.
//
// A password never leaves in clear unless the channel is secure.
//
// Source: MySQL Server documentation, "Connection Phase".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "core/mysql/compression.h"
#include "core/mysql/conversation.h"
#include "core/mysql/greeting.h"
#include "core/mysql/login_request.h"
#include "core/mysql/packet.h"
#include "core/mysql/protocol.h"
#include "core/mysql/reply.h"

namespace dorsal::mysql {

// For the log-in of an account that has more factors than its password: who stands between a client
// and a server can pass on none but that. MySQL's own ER_NOT_SUPPORTED_AUTH_MODE, since a client
// that does not speak the account's protocol is what the server has before it: 1251, 08004. Not
// 1045, for which people look for another password.
ErrPacket further_factor_error(std::string_view user);

struct ClientLoginOptions {
  enum class Tls {
    Off,
    Preferred,  // if the server offers it and the channel is not secure already
    Required,   // an Error if the server does not offer it
  };

  std::string user;
  Secret password;     // unused when native_sha1 is set
  std::string schema;  // empty: none
  // Wanted on top of what a log-in needs anyway; what the server does not offer is left out.
  std::uint32_t capabilities = 0;
  std::uint8_t collation = kDefaultCollation;
  std::uint32_t max_packet = 1U << 30;
  ConnectAttributes attributes;
  std::uint8_t zstd_level = kUsualZstdLevel;  // told to the server if zstd is to compress
  Tls tls = Tls::Preferred;
  bool channel_is_secure = false;  // a Unix socket
  // SHA1(p), for logging in with mysql_native_password when the clear password is unknown.
  std::optional<Secret> native_sha1;
  // Without TLS: ask the server for its RSA key. Who can alter the traffic can then learn the
  // password; who can only listen cannot.
  bool allow_rsa = true;
};

class ClientLogin {
 public:
  explicit ClientLogin(ClientLoginOptions options);

  // See conversation.h. StartTls means the client's side of TLS.
  Result<Need> next(std::string_view received);

  // Valid once the first Read has been met, unless refused at once.
  const Greeting& greeting() const { return greeting_; }

  // The negotiated ones; valid after Done. Compression among them begins behind the OK.
  std::uint32_t capabilities() const { return capabilities_; }

  bool is_tls() const { return is_tls_; }

  // The server's ERR, or what stands for one; empty after a successful log-in.
  const std::optional<ErrPacket>& refused() const { return refused_; }

  // The OK that ended a successful log-in.
  const OkPacket& ok() const { return ok_; }

  // Bytes beyond the end of the conversation.
  std::string leftover() { return packets_.leftover(); }

 private:
  enum class Stage {
    Start,
    Greeting,
    StartTls,    // the SSLRequest is on its way
    TlsDone,     // TLS has been asked for
    Reply,       // after the log-in request or an answer to AuthSwitchRequest
    FinalReply,  // only OK or ERR may come any more
    RsaKey,      // the server's public key has been asked for
    Done,
  };

  // These return Read to say: go on with the next packet.
  Result<Need> on_packet(std::string_view payload);
  Result<Need> on_greeting(std::string_view payload);
  Result<Need> on_reply(std::string_view payload);
  Result<Need> on_rsa_key(std::string_view payload);
  Result<Need> send_encrypted_password(std::string_view key);
  Result<Need> on_auth_more(std::string_view data);
  Result<Need> on_auth_switch(std::string_view payload);
  Result<Need> finish_ok(std::string_view payload);
  Result<Need> finish_err(std::string_view payload);
  Result<Need> refuse_further_factor();

  Result<Need> begin_tls();
  Result<Need> send_login_request();
  Result<Need> send_full_password();
  Result<std::string> first_reply(std::string_view plugin) const;
  Need write(std::string_view payload, Stage next_stage);
  Result<void> choose_capabilities();
  std::string choose_plugin() const;
  bool wants_tls() const;
  bool may_send_clear() const { return is_tls_ || options_.channel_is_secure; }

  ClientLoginOptions options_;
  Stage stage_ = Stage::Start;
  PacketAssembler packets_;
  std::uint8_t sequence_ = 0;
  Greeting greeting_;
  std::uint32_t capabilities_ = 0;
  std::string nonce_;
  std::string plugin_;
  bool is_tls_ = false;
  bool has_switched_ = false;
  std::optional<ErrPacket> refused_;
  OkPacket ok_;
};

}  // namespace dorsal::mysql
