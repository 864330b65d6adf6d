#include "core/mysql/login_server.h"

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "core/mysql/auth.h"
#include "core/mysql/compression.h"
#include "core/mysql/conversation_script_testing.h"

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;
using Method = ServerLoginOutcome::Method;

constexpr auto kNonce = "0123456789abcdefghij"sv;
constexpr auto kFast = "\x01\x03"sv;
constexpr auto kFull = "\x01\x04"sv;

constexpr std::uint32_t kOffered = capability::kProtocol41 | capability::kSecureConnection |
                                   capability::kPluginAuth | capability::kPluginAuthLenencData |
                                   capability::kConnectWithDb | capability::kSessionTrack;

const RsaKey& test_key() {
  static const RsaKey kKey = RsaKey::generate();
  return kKey;
}

// A server with TLS; its channel is not secure until TLS has begun.
ServerLoginOptions options_of() {
  ServerLoginOptions options;
  options.greeting.server_version = "9.7.0-dorsal";
  options.greeting.connection_id = 77;
  options.greeting.nonce = kNonce;
  options.greeting.capabilities = kOffered;
  options.tls_available = true;
  return options;
}

std::string greeting(bool with_tls = true) {
  auto greeting = options_of().greeting;
  if (with_tls) greeting.capabilities |= capability::kSsl;
  greeting.auth_plugin = kCachingSha2;
  return packet(0, encode(greeting));
}

std::string login_request(std::string reply, std::string plugin = kCachingSha2) {
  LoginRequest request;
  request.capabilities = kOffered & ~capability::kSessionTrack;
  request.user = "app";
  request.auth_response = std::move(reply);
  request.schema = "shop";
  request.auth_plugin = std::move(plugin);
  return encode(request);
}

std::string ssl_request() { return encode_ssl_request(kOffered, 1U << 24, kDefaultCollation); }

std::string switch_request(std::string_view plugin) {
  std::string out(1, '\xfe');
  out.append(plugin).push_back('\0');
  out.append(kNonce).push_back('\0');
  return out;
}

std::string sha2_reply(std::string_view password = "secret") {
  return caching_sha2_reply(password, kNonce);
}

std::string err(const ErrPacket& err) { return encode(err, kOffered); }

// An owner that knows the password already, or the account's native hash, or nothing.
void know_password(ServerLogin& login) {
  if (login.proves(caching_sha2_digest("secret"))) {
    login.answer_fast_ok();
  } else {
    login.answer_full();
  }
}
void know_native(ServerLogin& login) { login.answer_native(sha1(sha1("secret"))); }
void know_nothing(ServerLogin& login) { login.answer_full(); }

auto ends_as(Method method) {
  return [method](const ServerLogin& login) {
    const auto& outcome = login.outcome();
    return outcome.method == method && outcome.user == "app" && !outcome.is_answered &&
           outcome.password.view() == (method == Method::Full ? "secret" : "") &&
           outcome.native_sha1.view() == (method == Method::Native ? sha1("secret") : "");
  };
}

auto login_with(const ServerLoginOptions& options) {
  return script([options] { return ServerLogin(options); });
}

// ---- the ways in ----

TEST(ServerLogin, FastWhenTheOwnerKnowsThePassword) {
  login_with(options_of())
      .sends(greeting())
      .receives(packet(1, login_request(sha2_reply())))
      .asks(know_password)
      .sends(packet(2, kFast))
      .succeeds_if(ends_as(Method::Fast))
      .check();
}

TEST(ServerLogin, FullOverTlsYieldsThePassword) {
  login_with(options_of())
      .sends(greeting())
      .receives(packet(1, ssl_request()))
      .starts_tls()
      .receives(packet(2, login_request(sha2_reply())))
      .asks(know_nothing)
      .sends(packet(3, kFull))
      .receives(packet(4, "secret\0"sv))
      .succeeds_if([](const ServerLogin& login) {
        return ends_as(Method::Full)(login) && login.is_tls() && login.next_sequence() == 5;
      })
      .check();
}

TEST(ServerLogin, FullOverAUnixSocketYieldsThePassword) {
  auto options = options_of();
  options.tls_available = false;
  options.tls_required = true;
  options.channel_is_secure = true;
  login_with(options)
      .sends(greeting(false))
      .receives(packet(1, login_request(sha2_reply())))
      .asks(know_nothing)
      .sends(packet(2, kFull))
      .receives(packet(3, "secret\0"sv))
      .succeeds_if(ends_as(Method::Full))
      .check();
}

TEST(ServerLogin, FullWithoutTlsTakesThePasswordEncrypted) {
  auto options = options_of();
  options.rsa_key = &test_key();
  auto secret = xor_with_nonce("secret\0"sv, kNonce);
  auto encrypted = *rsa_encrypt(test_key().public_pem(), secret);
  login_with(options)
      .sends(greeting())
      .receives(packet(1, login_request(sha2_reply())))
      .asks(know_nothing)
      .sends(packet(2, kFull))
      .receives(packet(3, "\x02"))
      .sends(packet(4, "\x01" + test_key().public_pem()))
      .receives(packet(5, encrypted))
      .succeeds_if(ends_as(Method::Full))
      .check();
}

TEST(ServerLogin, AClientThatHasTheKeyAlreadyNeedNotAsk) {
  auto options = options_of();
  options.rsa_key = &test_key();
  auto secret = xor_with_nonce("secret\0"sv, kNonce);
  auto encrypted = *rsa_encrypt(test_key().public_pem(), secret);
  login_with(options)
      .sends(greeting())
      .receives(packet(1, login_request(sha2_reply())))
      .asks(know_nothing)
      .sends(packet(2, kFull))
      .receives(packet(3, encrypted))
      .succeeds_if(ends_as(Method::Full))
      .check();
}

TEST(ServerLogin, NativeIsVerifiedOnTheSpot) {
  login_with(options_of())
      .sends(greeting())
      .receives(packet(1, login_request(native_reply("secret", kNonce), kNativePassword)))
      .asks(know_native)
      .succeeds_if(ends_as(Method::Native))
      .check();
}

TEST(ServerLogin, AClientOfAnotherPluginIsSwitchedToNative) {
  login_with(options_of())
      .sends(greeting())
      .receives(packet(1, login_request(sha2_reply())))
      .asks(know_native)
      .sends(packet(2, switch_request(kNativePassword)))
      .receives(packet(3, native_reply("secret", kNonce)))
      .succeeds_if(ends_as(Method::Native))
      .check();
}

TEST(ServerLogin, AClientOfAnotherPluginIsSwitchedToCachingSha2AndAskedAboutAgain) {
  login_with(options_of())
      .sends(greeting())
      .receives(packet(1, login_request(native_reply("secret", kNonce), kNativePassword)))
      .asks(know_password)
      .sends(packet(2, switch_request(kCachingSha2)))
      .receives(packet(3, sha2_reply()))
      .asks(know_password)
      .sends(packet(4, kFast))
      .succeeds_if(ends_as(Method::Fast))
      .check();
}

TEST(ServerLogin, AnEmptyPasswordNeedsNoExchange) {
  for (auto reply : {""sv, "\0"sv}) {
    login_with(options_of())
        .sends(greeting())
        .receives(packet(1, login_request(std::string(reply))))
        .asks([](ServerLogin& login) {
          // Whoever claims a password is not this test's client.
          if (!login.empty_password()) return login.answer_deny(access_denied("app", "h", true));
          login.answer_full();
        })
        .succeeds_if(ends_as(Method::Empty))
        .check();
  }
}

TEST(ServerLogin, AnEmptyPasswordOfANativeAccountIsVerified) {
  login_with(options_of())
      .sends(greeting())
      .receives(packet(1, login_request(sha2_reply())))
      .asks([](ServerLogin& login) { login.answer_native(""); })
      .sends(packet(2, switch_request(kNativePassword)))
      .receives(packet(3, ""))
      .succeeds_if(ends_as(Method::Empty))
      .check();
}

// So the mysql client does with --default-auth=mysql_native_password.
TEST(ServerLogin, AnEmptyReplyForAnotherPluginThanTheGreetingsIsNoEmptyPassword) {
  login_with(options_of())
      .sends(greeting())
      .receives(packet(1, login_request("", kNativePassword)))
      .asks([](ServerLogin& login) {
        EXPECT_FALSE(login.empty_password());
        know_native(login);
      })
      .sends(packet(2, switch_request(kNativePassword)))
      .receives(packet(3, native_reply("secret", kNonce)))
      .succeeds_if(ends_as(Method::Native))
      .check();
}

// ---- refusals ----

// Plays one exchange: the client's packets in turn, each Ask answered by `answer`. Returns all
// bytes written after the greeting, and leaves the conversation as it ended.
std::string played(ServerLogin& login,
                   const std::vector<std::string>& packets,
                   const std::function<void(ServerLogin&)>& answer) {
  std::string written;
  std::string input;
  std::size_t used = 0;
  for (;;) {
    auto need = login.next(std::exchange(input, ""));
    if (!need) return written + "Error: " + need.error().message;
    if (need->kind == Need::Kind::Done) return written;
    if (need->kind == Need::Kind::Write && need->bytes != greeting()) written += need->bytes;
    if (need->kind == Need::Kind::Ask) answer(login);
    if (need->kind != Need::Kind::Read) continue;
    if (used == packets.size()) return written + "wants more";
    input = packets[used++];
  }
}

TEST(ServerLogin, TheOwnersNoIsSent) {
  ServerLogin login(options_of());
  auto no = access_denied("app", "10.0.0.7", true);
  EXPECT_EQ(played(login,
                   {packet(1, login_request(sha2_reply()))},
                   [&](ServerLogin& at_ask) { at_ask.answer_deny(no); }),
            packet(2, err(no)));
  EXPECT_EQ(login.outcome().method, Method::Denied);
  EXPECT_TRUE(login.outcome().is_answered);
}

TEST(ServerLogin, AWrongNativeReplyIsLeftToTheOwnerToAnswer) {
  ServerLogin login(options_of());
  auto wrong = login_request(native_reply("wrong", kNonce), kNativePassword);
  EXPECT_EQ(played(login, {packet(1, wrong)}, know_native), "");
  EXPECT_EQ(login.outcome().method, Method::Denied);
  EXPECT_FALSE(login.outcome().is_answered);
  EXPECT_EQ(login.next_sequence(), 2);
}

TEST(ServerLogin, APasswordForAnAccountWithoutOneIsDenied) {
  ServerLogin login(options_of());
  auto request = login_request(native_reply("secret", kNonce), kNativePassword);
  EXPECT_EQ(played(login, {packet(1, request)}, [](ServerLogin& it) { it.answer_native(""); }), "");
  EXPECT_EQ(login.outcome().method, Method::Denied);
}

TEST(ServerLogin, WhatIsNotAPasswordIsDenied) {
  for (auto payload : {"secret"sv, ""sv, "sec\0ret\0"sv}) {
    auto options = options_of();
    options.channel_is_secure = true;
    ServerLogin login(options);
    auto request = packet(1, login_request(sha2_reply()));
    EXPECT_EQ(played(login, {request, packet(3, payload)}, know_nothing), packet(2, kFull));
    EXPECT_EQ(login.outcome().method, Method::Denied);
  }
}

TEST(ServerLogin, WhatTheKeyCannotDecryptIsDenied) {
  auto options = options_of();
  options.rsa_key = &test_key();
  ServerLogin login(options);
  auto request = packet(1, login_request(sha2_reply()));
  (void)played(login, {request, packet(3, std::string(256, 'x'))}, know_nothing);
  EXPECT_EQ(login.outcome().method, Method::Denied);
}

TEST(ServerLogin, WithoutTlsAndKeyThePasswordIsNotAskedFor) {
  ServerLogin login(options_of());
  auto written = played(login, {packet(1, login_request(sha2_reply()))}, know_nothing);
  EXPECT_NE(written.find("#HY000Authentication requires a secure connection"), std::string::npos);
  EXPECT_TRUE(login.outcome().is_answered);
}

TEST(ServerLogin, WhereTlsIsRequiredAClientWithoutIsTurnedAway) {
  auto options = options_of();
  options.tls_required = true;
  ServerLogin login(options);
  auto written = played(login, {packet(1, login_request(sha2_reply()))}, know_password);
  EXPECT_NE(written.find("#HY000Connections using insecure transport are prohibited"),
            std::string::npos);
}

// What a client that asks for this compression is told; empty when it may log in.
std::string told_about_compression(std::uint32_t offered,
                                   std::uint32_t wanted,
                                   std::uint8_t level,
                                   bool is_required = false) {
  auto options = options_of();
  options.greeting.capabilities |= offered;
  options.compression_required = is_required;
  LoginRequest request;
  request.capabilities = kOffered | wanted;
  request.user = "app";
  request.auth_response = sha2_reply();
  request.auth_plugin = kCachingSha2;
  request.zstd_level = level;
  ServerLogin login(options);
  auto written = played(login, {packet(1, encode(request))}, know_password);
  auto message = written.find("#HY000");
  if (message != std::string::npos) return written.substr(message + 6);
  EXPECT_EQ(login.capabilities() & capability::kAnyCompression, wanted & offered);
  return "";
}

TEST(ServerLogin, CompressionLevelsFrom1To22AreTaken) {
  constexpr auto kZstd = capability::kZstdCompression;
  constexpr auto kBoth = capability::kAnyCompression;
  const std::string refused = "Invalid zstd compression level for algorithm 'zstd'.";
  for (int level : {1, 3, 22}) {
    EXPECT_EQ(told_about_compression(kBoth, kZstd, static_cast<std::uint8_t>(level)), "");
  }
  for (int level : {0, 23, 255}) {
    EXPECT_EQ(told_about_compression(kBoth, kZstd, static_cast<std::uint8_t>(level)), refused);
    // zlib is taken then, and that has no level.
    EXPECT_EQ(told_about_compression(kBoth, kBoth, static_cast<std::uint8_t>(level)), "");
    EXPECT_EQ(told_about_compression(0, kZstd, static_cast<std::uint8_t>(level)), "");
  }
}

TEST(ServerLogin, WhereCompressionIsRequiredAClientWithoutIsTurnedAway) {
  const std::string refused = "Invalid compression algorithm 'uncompressed'.";
  constexpr auto kZlib = capability::kCompress;
  constexpr auto kZstd = capability::kZstdCompression;
  EXPECT_EQ(told_about_compression(kZlib, 0, 0, true), refused);
  EXPECT_EQ(told_about_compression(kZlib, kZstd, 3, true), refused);
  EXPECT_EQ(told_about_compression(kZstd, kZlib, 0, true), refused);
  EXPECT_EQ(told_about_compression(kZlib, kZlib, 0, true), "");
  EXPECT_EQ(told_about_compression(kZstd, kZlib | kZstd, 3, true), "");
}

TEST(ServerLogin, AClientThatKnowsNoPluginsCannotBeSwitched) {
  LoginRequest request;
  request.capabilities = capability::kProtocol41 | capability::kSecureConnection;
  request.user = "app";
  request.auth_response = native_reply("secret", kNonce);
  ServerLogin native(options_of());
  EXPECT_EQ(played(native, {packet(1, encode(request))}, know_native), "");
  EXPECT_EQ(native.outcome().method, Method::Native);
  ServerLogin other(options_of());
  auto written = played(other, {packet(1, encode(request))}, know_password);
  EXPECT_NE(written.find("#08004Client does not support authentication"), std::string::npos);
}

TEST(ServerLogin, AnEmptyReplyOfAClientThatKnowsNoPluginsIsAnEmptyPassword) {
  LoginRequest request;
  request.capabilities = capability::kProtocol41 | capability::kSecureConnection;
  request.user = "app";
  ServerLogin login(options_of());
  EXPECT_EQ(
      played(login, {packet(1, encode(request))}, [](ServerLogin& it) { it.answer_native(""); }),
      "");
  EXPECT_EQ(login.outcome().method, Method::Empty);
}

// ---- malformed input ----

TEST(ServerLogin, MalformedInputGetsBadHandshakeThenAnError) {
  auto refused = [](std::uint8_t sequence) {
    return packet(sequence,
                  "\xff\x13\x04#08S01"
                  "Bad handshake");
  };
  struct {
    std::vector<std::string> packets;
    std::uint8_t sequence;
    std::string_view failure;
  } const cases[] = {
      {{packet(1, "\x05\xa1\0\0\0root\0"sv)},
       2,
       "the client is older than MySQL 4.1 and cannot log in here"},
      {{packet(1, login_request(sha2_reply()).substr(0, 40))},
       2,
       "the client's log-in request is malformed"},
      {{packet(3, login_request(sha2_reply()))}, 1, "the client's packets are out of order"},
      {{packet(1, ssl_request()), packet(2, ssl_request())},
       3,
       "the client asks for TLS out of turn"},
      {{"\xff\xff\xff\x01"}, 1, "a payload is longer than the 131072 bytes allowed"},
  };
  for (const auto& one : cases) {
    ServerLogin login(options_of());
    EXPECT_EQ(played(login, one.packets, know_password),
              refused(one.sequence) + "Error: " + std::string(one.failure));
  }
}

TEST(ServerLogin, TlsThatWasNotOfferedIsRefused) {
  auto options = options_of();
  options.tls_available = false;
  ServerLogin login(options);
  auto written = played(login, {packet(1, ssl_request())}, know_password);
  EXPECT_NE(written.find("Error: the client asks for TLS out of turn"), std::string::npos);
}

// ---- the beginning of TLS ----

TEST(ServerLogin, BytesBehindTheSslRequestBelongToTls) {
  ServerLogin login(options_of());
  ASSERT_TRUE(login.next(""));
  auto need = login.next(packet(1, ssl_request()) + "client hello");
  ASSERT_TRUE(need);
  EXPECT_EQ(need->kind, Need::Kind::StartTls);
  EXPECT_EQ(login.leftover(), "client hello");
  EXPECT_TRUE(login.next(""));
}

TEST(ServerLogin, ALoginSlippedInFrontOfTlsIsRefused) {
  ServerLogin login(options_of());
  ASSERT_TRUE(login.next(""));
  auto need = login.next(packet(1, ssl_request()) + packet(2, login_request(sha2_reply())));
  ASSERT_TRUE(need);
  EXPECT_EQ(need->kind, Need::Kind::StartTls);
  EXPECT_EQ(login.next("").error().message, "the client sent clear bytes before TLS began");
}

// ---- what the owner sees at Ask ----

TEST(ServerLogin, AtAskTheRequestIsThere) {
  ServerLogin login(options_of());
  ASSERT_TRUE(login.next(""));
  ASSERT_TRUE(login.next(packet(1, login_request(sha2_reply()))));
  EXPECT_EQ(login.request().user, "app");
  EXPECT_EQ(login.request().schema, "shop");
  EXPECT_EQ(login.plugin(), kCachingSha2);
  EXPECT_EQ(login.auth_response(), sha2_reply());
  EXPECT_FALSE(login.empty_password());
  EXPECT_TRUE(login.proves(caching_sha2_digest("secret")));
  EXPECT_FALSE(login.proves(caching_sha2_digest("other")));
  EXPECT_EQ(login.capabilities() & capability::kSessionTrack, 0U);
}

TEST(ServerLogin, UntilTheOwnerAnswersItAsksAgain) {
  ServerLogin login(options_of());
  ASSERT_TRUE(login.next(""));
  ASSERT_TRUE(login.next(packet(1, login_request(sha2_reply()))));
  EXPECT_EQ(login.next("")->kind, Need::Kind::Ask);
  know_password(login);
  EXPECT_EQ(login.next("")->kind, Need::Kind::Write);
}

TEST(ServerLoginDeathTest, AFastOkWithoutASha2ReplyIsABrokenInvariant) {
  ServerLogin login(options_of());
  ASSERT_TRUE(login.next(""));
  ASSERT_TRUE(login.next(packet(1, login_request(native_reply("x", kNonce), kNativePassword))));
  EXPECT_DEATH(login.answer_fast_ok(), "check failed");
}

// ---- texts ----

TEST(AccessDenied, IsWordedAsTheServerDoes) {
  EXPECT_EQ(to_string(access_denied("app", "10.0.0.7", true)),
            "ERROR 1045 (28000): Access denied for user 'app'@'10.0.0.7' (using password: YES)");
  EXPECT_EQ(to_string(access_denied("", "localhost", false)),
            "ERROR 1045 (28000): Access denied for user ''@'localhost' (using password: NO)");
}

}  // namespace
}  // namespace dorsal::mysql
