#include "core/mysql/login_client.h"

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "core/mysql/auth.h"
#include "core/mysql/conversation_script_testing.h"

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;
using Tls = ClientLoginOptions::Tls;

constexpr auto kNonce = "0123456789abcdefghij"sv;
constexpr auto kOtherNonce = "jihgfedcba9876543210"sv;
constexpr auto kOk = "\x00\x00\x00\x02\x00\x00\x00"sv;
constexpr auto kFast = "\x01\x03"sv;
constexpr auto kFull = "\x01\x04"sv;

constexpr std::uint32_t kServer = 0xdfffffff;  // as MySQL 9.7 offers
constexpr std::uint32_t kUsual = capability::kProtocol41 | capability::kSecureConnection |
                                 capability::kPluginAuth | capability::kLongPassword |
                                 capability::kTransactions | capability::kPluginAuthLenencData;

Greeting greeting_of(std::string plugin = kCachingSha2, std::uint32_t capabilities = kServer) {
  Greeting greeting;
  greeting.server_version = "9.7.4";
  greeting.connection_id = 28;
  greeting.nonce = kNonce;
  greeting.capabilities = capabilities;
  greeting.auth_plugin = std::move(plugin);
  return greeting;
}

std::string greeting(std::string plugin = kCachingSha2, std::uint32_t capabilities = kServer) {
  return encode(greeting_of(std::move(plugin), capabilities));
}

ClientLoginOptions options_of(Tls tls = Tls::Off) {
  ClientLoginOptions options;
  options.user = "app";
  options.password = Secret("secret");
  options.tls = tls;
  return options;
}

std::string login_request(std::string reply,
                          std::uint32_t capabilities = kUsual,
                          std::string plugin = kCachingSha2) {
  LoginRequest request;
  request.capabilities = capabilities;
  request.max_packet = 1U << 30;
  request.user = "app";
  request.auth_response = std::move(reply);
  request.auth_plugin = std::move(plugin);
  return encode(request);
}

std::string ssl_request() {
  return encode_ssl_request(kUsual | capability::kSsl, 1U << 30, kDefaultCollation);
}

std::string switch_request(std::string_view plugin, std::string_view nonce) {
  std::string out(1, '\xfe');
  out.append(plugin).push_back('\0');
  out.append(nonce).push_back('\0');
  return out;
}

std::string sha2_reply(std::string_view nonce = kNonce) {
  return caching_sha2_reply("secret", nonce);
}

bool is_in(const ClientLogin& login) { return !login.refused() && login.ok().status == 2; }

auto login_with(const ClientLoginOptions& options) {
  return script([options] { return ClientLogin(options); });
}

// ---- the ways in ----

TEST(ClientLogin, FastWhenTheServerHasThePasswordInItsCache) {
  login_with(options_of())
      .receives(packet(0, greeting()))
      .sends(packet(1, login_request(sha2_reply())))
      .receives(packet(2, kFast))
      .receives(packet(3, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, AsksForCompressionAndTellsTheLevel) {
  auto options = options_of();
  options.capabilities = capability::kZstdCompression;
  options.zstd_level = 7;
  auto request = login_request(sha2_reply(), kUsual | capability::kZstdCompression);
  request.back() = 7;
  login_with(options)
      .receives(packet(0, greeting()))
      .sends(packet(1, request))
      .receives(packet(2, kFast))
      .receives(packet(3, kOk))
      .succeeds_if([](const ClientLogin& login) {
        return is_in(login) && compression_of(login.capabilities()) == CompressionMethod::Zstd;
      })
      .check();
}

TEST(ClientLogin, CompressionThatIsNotOfferedIsGoneWithout) {
  auto options = options_of();
  options.capabilities = capability::kAnyCompression;
  login_with(options)
      .receives(packet(0, greeting(kCachingSha2, kServer & ~capability::kAnyCompression)))
      .sends(packet(1, login_request(sha2_reply())))
      .receives(packet(2, kFast))
      .receives(packet(3, kOk))
      .succeeds_if([](const ClientLogin& login) {
        return is_in(login) && compression_of(login.capabilities()) == CompressionMethod::None;
      })
      .check();
}

TEST(ClientLogin, FullOverTlsSendsThePasswordItself) {
  login_with(options_of(Tls::Preferred))
      .receives(packet(0, greeting()))
      .sends(packet(1, ssl_request()))
      .starts_tls()
      .sends(packet(2, login_request(sha2_reply(), kUsual | capability::kSsl)))
      .receives(packet(3, kFull))
      .sends(packet(4, "secret\0"sv))
      .receives(packet(5, kOk))
      .succeeds_if([](const ClientLogin& login) { return is_in(login) && login.is_tls(); })
      .check();
}

TEST(ClientLogin, FullOverAUnixSocketNeedsNoTls) {
  auto options = options_of(Tls::Preferred);
  options.channel_is_secure = true;
  login_with(options)
      .receives(packet(0, greeting()))
      .sends(packet(1, login_request(sha2_reply())))
      .receives(packet(2, kFull))
      .sends(packet(3, "secret\0"sv))
      .receives(packet(4, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, FullWithoutTlsEncryptsThePasswordForTheServersKey) {
  auto key = RsaKey::generate();
  login_with(options_of())
      .receives(packet(0, greeting()))
      .sends(packet(1, login_request(sha2_reply())))
      .receives(packet(2, kFull))
      .sends(packet(3, "\x02"))
      .receives(packet(4, "\x01" + key.public_pem()))
      .sends_matching([&](std::string_view sent) {
        auto text = key.decrypt(sent.substr(kHeaderSize));
        ASSERT_TRUE(text);
        EXPECT_EQ(xor_with_nonce(*text, kNonce), "secret\0"sv);
        EXPECT_EQ(read_header(sent.data()).sequence, 5);
      })
      .receives(packet(6, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, NativeWhenTheServersDefaultIsNative) {
  login_with(options_of())
      .receives(packet(0, greeting(kNativePassword)))
      .sends(packet(1, login_request(native_reply("secret", kNonce), kUsual, kNativePassword)))
      .receives(packet(2, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, NativeByItsHashAlone) {
  auto options = options_of();
  options.password = Secret();
  options.native_sha1 = Secret(sha1("secret"));
  login_with(options)
      .receives(packet(0, greeting()))
      .sends(packet(1, login_request(native_reply("secret", kNonce), kUsual, kNativePassword)))
      .receives(packet(2, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, SwitchedToNativeItAnswersTheNewNonce) {
  login_with(options_of())
      .receives(packet(0, greeting()))
      .sends(packet(1, login_request(sha2_reply())))
      .receives(packet(2, switch_request(kNativePassword, kOtherNonce)))
      .sends(packet(3, native_reply("secret", kOtherNonce)))
      .receives(packet(4, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, SwitchedToCachingSha2ItMayStillGoTheWholeWay) {
  login_with(options_of(Tls::Required))
      .receives(packet(0, greeting(kNativePassword)))
      .sends(packet(1, ssl_request()))
      .starts_tls()
      .sends(packet(2,
                    login_request(native_reply("secret", kNonce),
                                  kUsual | capability::kSsl,
                                  kNativePassword)))
      .receives(packet(3, switch_request(kCachingSha2, kOtherNonce)))
      .sends(packet(4, sha2_reply(kOtherNonce)))
      .receives(packet(5, kFull))
      .sends(packet(6, "secret\0"sv))
      .receives(packet(7, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, SwitchedToSha256OverTlsItSendsThePasswordItself) {
  login_with(options_of(Tls::Required))
      .receives(packet(0, greeting()))
      .sends(packet(1, ssl_request()))
      .starts_tls()
      .sends(packet(2, login_request(sha2_reply(), kUsual | capability::kSsl)))
      .receives(packet(3, switch_request(kSha256Password, kOtherNonce)))
      .sends(packet(4, "secret\0"sv))
      .receives(packet(5, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, SwitchedToSha256WithoutTlsItEncryptsThePasswordForTheServersKey) {
  auto key = RsaKey::generate();
  login_with(options_of())
      .receives(packet(0, greeting()))
      .sends(packet(1, login_request(sha2_reply())))
      .receives(packet(2, switch_request(kSha256Password, kOtherNonce)))
      .sends(packet(3, "\x01"))
      .receives(packet(4, "\x01" + key.public_pem()))
      .sends_matching([&](std::string_view sent) {
        auto text = key.decrypt(sent.substr(kHeaderSize));
        ASSERT_TRUE(text);
        EXPECT_EQ(xor_with_nonce(*text, kOtherNonce), "secret\0"sv);
      })
      .receives(packet(6, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, SwitchedToClearPasswordOverTlsItObeys) {
  login_with(options_of(Tls::Required))
      .receives(packet(0, greeting()))
      .sends(packet(1, ssl_request()))
      .starts_tls()
      .sends(packet(2, login_request(sha2_reply(), kUsual | capability::kSsl)))
      .receives(packet(3,
                       "\xfe"
                       "mysql_clear_password\0"sv))
      .sends(packet(4, "secret\0"sv))
      .receives(packet(5, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, AnEmptyPasswordIsAnEmptyReplyAndAZeroAfterASwitch) {
  auto options = options_of();
  options.password = Secret();
  login_with(options)
      .receives(packet(0, greeting()))
      .sends(packet(1, login_request("")))
      .receives(packet(2, switch_request(kCachingSha2, kOtherNonce)))
      .sends(packet(3, "\0"sv))
      .receives(packet(4, kOk))
      .succeeds_if(is_in)
      .check();
}

TEST(ClientLogin, AskForSchemaAttributesAndWhatElseTheServerOffers) {
  auto options = options_of();
  options.schema = "shop";
  options.attributes = {{"program_name", "dorsal"}};
  options.capabilities = capability::kSessionTrack | capability::kZstdCompression;
  LoginRequest request;
  request.capabilities =
      kUsual | capability::kConnectWithDb | capability::kConnectAttrs | capability::kSessionTrack;
  request.max_packet = options.max_packet;
  request.user = "app";
  request.auth_response = sha2_reply();
  request.schema = "shop";
  request.auth_plugin = kCachingSha2;
  request.attributes = options.attributes;
  login_with(options)
      .receives(packet(0, greeting(kCachingSha2, kServer & ~capability::kZstdCompression)))
      .sends(packet(1, encode(request)))
      .receives(packet(2, kFast))
      .receives(packet(3, "\x00\x00\x00\x02@\x00\x00\x00\x07\x01\x05\x04shop"sv))
      .succeeds_if([](const ClientLogin& login) {
        return !login.refused() && login.ok().trackers.schema == "shop" &&
               (login.capabilities() & capability::kSessionTrack) != 0;
      })
      .check();
}

// ---- refusals, which are outcomes ----

TEST(ClientLogin, TheServersErrIsAnOutcome) {
  login_with(options_of())
      .receives(packet(0, greeting()))
      .sends(packet(1, login_request(sha2_reply())))
      .receives(packet(2, "\xff\x15\x04#28000Access denied"sv))
      .succeeds_if([](const ClientLogin& login) {
        return login.refused() &&
               to_string(*login.refused()) == "ERROR 1045 (28000): Access denied";
      })
      .check();
}

TEST(ClientLogin, AFurtherFactorIsARefusalThatSaysWhy) {
  const auto next_factor =
      "\x02"
      "authentication_webauthn\0challenge\0"sv;
  auto is_refused = [](const ClientLogin& login) {
    return login.refused() &&
           to_string(*login.refused()) ==
               "ERROR 1251 (08004): Dorsal: user 'app' has multi-factor authentication, of which "
               "Dorsal can pass on the first factor only; use an account that has a single factor";
  };
  login_with(options_of())
      .receives(packet(0, greeting()))
      .sends(packet(1, login_request(sha2_reply())))
      .receives(packet(2, kFast))
      .receives(packet(3, next_factor))
      .succeeds_if(is_refused)
      .check();
  login_with(options_of())
      .receives(packet(0, greeting(kNativePassword)))
      .sends(packet(1, login_request(native_reply("secret", kNonce), kUsual, kNativePassword)))
      .receives(packet(2, next_factor))
      .succeeds_if(is_refused)
      .check();
}

TEST(ClientLogin, AnErrInPlaceOfTheGreetingIsAnOutcome) {
  login_with(options_of())
      .receives(packet(0, "\xff\x10\x04Too many connections"sv))
      .succeeds_if([](const ClientLogin& login) {
        return login.refused() && login.refused()->code == 1040 &&
               login.refused()->message == "Too many connections";
      })
      .check();
}

TEST(ClientLogin, AnErrThatComesWithAnyNumberCounts) {
  ClientLogin login(options_of());
  ASSERT_TRUE(login.next(""));
  ASSERT_TRUE(login.next(packet(0, greeting())));
  auto need = login.next(packet(0, "\xff\xbf\x0f#HY000The client was disconnected"sv));
  ASSERT_TRUE(need);
  EXPECT_EQ(login.refused()->code, 4031);
}

// ---- what ends in an Error ----

// Feeds the packets one by one and returns the Error that the conversation ends with.
std::string failure(const ClientLoginOptions& options, const std::vector<std::string>& packets) {
  ClientLogin login(options);
  auto need = login.next("");
  for (const auto& bytes : packets) {
    while (need && need->kind != Need::Kind::Read) need = login.next("");
    if (need) need = login.next(bytes);
  }
  while (need && need->kind != Need::Kind::Read && need->kind != Need::Kind::Done) {
    need = login.next("");
  }
  return need ? "no failure" : need.error().message;
}

TEST(ClientLogin, NoTlsWhereItIsRequired) {
  EXPECT_EQ(failure(options_of(Tls::Required),
                    {packet(0, greeting(kCachingSha2, kServer & ~capability::kSsl))}),
            "the server offers no TLS, which is required");
}

TEST(ClientLogin, ClearBytesBehindTheGreetingAreNotTakenForTls) {
  EXPECT_EQ(failure(options_of(Tls::Required), {packet(0, greeting()) + packet(2, kOk)}),
            "the server sent clear bytes after its offer of TLS");
}

TEST(ClientLogin, ThePasswordNeverLeavesInClear) {
  EXPECT_EQ(failure(options_of(),
                    {packet(0, greeting()),
                     packet(2,
                            "\xfe"
                            "mysql_clear_password\0"sv)}),
            "the server wants the clear password of user 'app' without TLS");
  auto no_rsa = options_of();
  no_rsa.allow_rsa = false;
  EXPECT_EQ(failure(no_rsa, {packet(0, greeting()), packet(2, kFull)}),
            "the server wants the whole password of user 'app', which needs TLS");
}

TEST(ClientLogin, UnknownPluginsAreNamed) {
  auto request = switch_request("authentication_ldap_sasl", kOtherNonce);
  EXPECT_EQ(
      failure(options_of(), {packet(0, greeting()), packet(2, request)}),
      "the server wants the authentication plug-in 'authentication_ldap_sasl' for user 'app', "
      "which Dorsal does not know");
  EXPECT_EQ(failure(options_of(), {packet(0, greeting()), packet(2, "\xfe")}),
            "the server wants the password hash of MySQL before 4.1");
}

TEST(ClientLogin, AHashForNativeIsOfNoUseElsewhere) {
  auto options = options_of();
  options.native_sha1 = Secret(sha1("secret"));
  auto request = switch_request(kCachingSha2, kOtherNonce);
  EXPECT_EQ(
      failure(options, {packet(0, greeting()), packet(2, request)}),
      "the server wants the plug-in 'caching_sha2_password' for user 'app', but only the hash "
      "for mysql_native_password is known");
}

TEST(ClientLogin, ServersThatTalkNonsense) {
  struct {
    std::string_view payload;
    std::string_view failure;
  } const cases[] = {
      {"\x01\x07", "the server sends data that caching_sha2_password does not know"},
      {"\x07", "the server answers the log-in with a packet of type 7"},
      {"\x00\x00"sv, "an OK packet is malformed"},
      {"\xfe"
       "caching_sha2_password\0short\0"sv,
       "the server's request to switch the authentication plug-in is malformed"},
      {"", "the server sent an empty packet"},
  };
  for (const auto& [payload, message] : cases) {
    EXPECT_EQ(failure(options_of(), {packet(0, greeting()), packet(2, payload)}), message);
  }
}

TEST(ClientLogin, EndlessExchangesAreCutShort) {
  auto request = switch_request(kNativePassword, kOtherNonce);
  EXPECT_EQ(failure(options_of(), {packet(0, greeting()), packet(2, request), packet(4, request)}),
            "the server switches the authentication plug-in twice");
  EXPECT_EQ(failure(options_of(), {packet(0, greeting()), packet(2, kFast), packet(3, kFast)}),
            "the server answers the log-in with a packet of type 1");
}

TEST(ClientLogin, OldServersAreRefused) {
  auto old = greeting("", kServer & ~capability::kPluginAuth);
  EXPECT_EQ(failure(options_of(), {packet(0, old)}),
            "the server is older than MySQL 5.5.7; Dorsal cannot log in there");
}

TEST(ClientLogin, BytesBehindTheOkAreLeftOver) {
  ClientLogin login(options_of());
  ASSERT_TRUE(login.next(""));
  ASSERT_TRUE(login.next(packet(0, greeting())));
  auto need = login.next(packet(2, kOk) + "more");
  ASSERT_TRUE(need);
  EXPECT_EQ(need->kind, Need::Kind::Done);
  EXPECT_EQ(login.leftover(), "more");
}

}  // namespace
}  // namespace dorsal::mysql
