// A client logs in to Dorsal, or changes its user.
//
//   server  greeting
//   client  [SSLRequest, TLS]  login request
//           Ask: the owner looks and answers, perhaps more than once
//   server  (AuthSwitchRequest | AuthMoreData)*; the client answers in between
//
// At Ask the owner looks at request(), plugin(), empty_password() and proves(), and gives exactly
// one answer before it calls next(""):
//
//   answer_fast_ok()        it knows the password, and proves() said yes: 01 03
//   answer_full()           it wants the clear password: 01 04 and the exchange
//   answer_native(h)        the account has a native password with SHA1(SHA1(p)) = h
//   answer_deny(err)        no
//
// If the client's reply was made for another plug-in than the answer needs, the client is switched
// to that first, with the same nonce; for caching_sha2_password the owner is then asked again,
// since the new reply may be proved without the clear password.
//
// The conversation ends before the final OK: the owner logs in to a server first and then sends OK
// or ERR itself, as packet next_sequence(). Only if outcome().is_answered has the client already
// its ERR. Malformed input gets error 1043 as a Write, then an Error. Compression among
// capabilities() begins behind the final OK.
//
// At StartTls the driver takes leftover() and gives those bytes to TLS: they are the beginning of
// its handshake. Clear bytes that are left in place are refused, so that nobody can slip a log-in
// in front of the encrypted one.
//
// Source: MySQL Server documentation, "Connection Phase"; sql/auth/sql_authentication.cc and
// sha2_password.cc of the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"
#include "base/secret.h"
#include "core/mysql/change_user.h"
#include "core/mysql/conversation.h"
#include "core/mysql/greeting.h"
#include "core/mysql/login_request.h"
#include "core/mysql/packet.h"
#include "core/mysql/reply.h"

namespace dorsal::mysql {

struct ServerLoginOptions {
  // What clients are told. The nonce has kNonceSize bytes (see make_nonce()). The capability SSL is
  // added or removed to fit tls_available; the plug-in is caching_sha2_password when left empty.
  Greeting greeting;
  bool tls_available = false;
  bool tls_required = false;          // refuse clients that come without; not on a secure channel
  bool channel_is_secure = false;     // a Unix socket, or TLS has begun already
  bool compression_required = false;  // refuse clients that choose none of those offered
  const RsaKey* rsa_key = nullptr;    // may be null; outlives the conversation
};

struct ServerLoginOutcome {
  enum class Method {
    Denied,  // by the owner, or the client did not prove its password
    Fast,    // the owner knows the password already
    Full,    // `password` is what the client sent; nobody has verified it yet
    Native,  // `native_sha1` is SHA1(p), verified
    Empty,   // the client says it has no password; nobody has verified it unless asked for native
  };
  Method method = Method::Denied;
  std::string user;
  Secret password;           // Full only
  Secret native_sha1;        // Native only, 20 bytes
  bool is_answered = false;  // Denied only: the client has been sent its ERR
};

class ServerLogin {
 public:
  explicit ServerLogin(ServerLoginOptions options);

  // COM_CHANGE_USER on a connection that logged in with `capabilities` and this greeting: begins at
  // Ask, and answers with `next_sequence`, the number behind the command's last packet. As at the
  // server, a caching_sha2 reply within the command counts for nothing: the client may not have had
  // a nonce to make it with, and is always switched before it is believed.
  ServerLogin(ServerLoginOptions options,
              const ChangeUser& request,
              std::uint32_t capabilities,
              std::uint8_t next_sequence);

  // See conversation.h. StartTls means the server's side of TLS.
  Result<Need> next(std::string_view received);

  // ---- at Ask ----

  const LoginRequest& request() const { return request_; }
  const std::string& auth_response() const { return reply_; }  // the newest; made for plugin()
  const std::string& plugin() const { return plugin_; }
  bool is_tls() const { return is_tls_; }

  // The client's reply is that of an empty password. (An empty reply need not be: a client that
  // prefers another plug-in than the greeting's sends one to be switched.)
  bool empty_password() const;

  // The reply proves the password with this SHA256(SHA256(p)).
  bool proves(std::string_view sha256_of_sha256) const;

  void answer_fast_ok();
  void answer_full();
  void answer_native(std::string double_sha1);  // an empty one: the account has no password
  void answer_deny(ErrPacket err);

  // ---- after Done ----

  const ServerLoginOutcome& outcome() const { return outcome_; }
  std::uint8_t next_sequence() const { return sequence_; }
  std::uint32_t capabilities() const { return capabilities_; }

  // Bytes beyond the end of the conversation; at StartTls those of the TLS handshake.
  std::string leftover() { return packets_.leftover(); }

 private:
  enum class Stage {
    Start,
    Request,         // the greeting is on its way
    TlsDone,         // TLS has been asked for
    Ask,             // the owner is to answer
    SwitchReply,     // an AuthSwitchRequest is on its way
    FullReply,       // 01 04 is on its way
    EncryptedReply,  // the public key is on its way
    Finish,          // the last packet is on its way
    Fail,            // error 1043 is on its way
    Done,
  };
  enum class Answer { None, FastOk, Full, Native, Deny };

  Need read_packet();
  Need on_packet(std::string_view payload);
  Need on_request(std::string_view payload);
  Need on_ssl_request();
  Need on_switch_reply(std::string_view payload);
  Need on_full_reply(std::string_view payload);
  Need on_encrypted_reply(std::string_view payload);

  Need begin();
  Need ask();
  Need act();
  Need act_full();
  Need act_native();
  Need verify_native();
  Need switch_to(std::string_view plugin);
  Need accept_password(std::string_view zero_terminated);
  Need deny_with(const ErrPacket& err);
  Need done(ServerLoginOutcome::Method method);
  Need bad_handshake(std::string why);
  Need write(std::string_view payload, Stage next_stage);
  void give(Answer answer);
  void take_first_reply();
  bool is_secure() const { return is_tls_ || options_.channel_is_secure; }
  bool is_for(std::string_view plugin) const;

  ServerLoginOptions options_;
  Stage stage_ = Stage::Start;
  PacketAssembler packets_;
  std::uint8_t sequence_ = 0;
  std::uint32_t capabilities_ = 0;
  LoginRequest request_;
  std::string reply_;
  std::string plugin_;
  bool is_tls_ = false;
  bool reply_counts_ = true;  // false: perhaps made without our nonce, see take_first_reply()
  Answer answer_ = Answer::None;
  std::string double_sha1_;
  ErrPacket deny_;
  std::string failure_;
  ServerLoginOutcome outcome_;
};

// Error 1045, worded as MySQL does: Access denied for user 'u'@'h' (using password: YES).
ErrPacket access_denied(std::string_view user, std::string_view host, bool using_password);

}  // namespace dorsal::mysql
