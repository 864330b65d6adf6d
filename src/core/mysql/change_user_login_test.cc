// ServerLogin for COM_CHANGE_USER; login_server_test.cc has what it shares with a new connection.
#include <gtest/gtest.h>

#include "base/crypto.h"
#include "core/mysql/auth.h"
#include "core/mysql/conversation_script_testing.h"
#include "core/mysql/login_server.h"

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;
using Method = ServerLoginOutcome::Method;

constexpr auto kNonce = "0123456789abcdefghij"sv;
constexpr std::uint32_t kCapabilities =
    capability::kProtocol41 | capability::kSecureConnection | capability::kPluginAuth;

ChangeUser change_to(std::string reply, std::string plugin) {
  ChangeUser request;
  request.user = "app";
  request.auth_response = std::move(reply);
  request.schema = "shop";
  request.auth_plugin = std::move(plugin);
  return request;
}

// On a secure channel, as the packet behind the command's packet 0.
auto change_user(const ChangeUser& request) {
  ServerLoginOptions options;
  options.greeting.nonce = kNonce;
  options.greeting.capabilities = kCapabilities;
  options.channel_is_secure = true;
  return script([=] { return ServerLogin(options, request, kCapabilities, 1); });
}

std::string switch_request(std::string_view plugin) {
  std::string out(1, '\xfe');
  out.append(plugin).push_back('\0');
  out.append(kNonce).push_back('\0');
  return packet(1, out);
}

std::string sha2_reply() { return caching_sha2_reply("secret", kNonce); }

void know_password(ServerLogin& login) {
  if (login.proves(caching_sha2_digest("secret"))) return login.answer_fast_ok();
  login.answer_full();
}
void know_native(ServerLogin& login) { login.answer_native(sha1(sha1("secret"))); }
void know_nothing(ServerLogin& login) { login.answer_full(); }

auto ends_as(Method method) {
  return [method](const ServerLogin& login) {
    const auto& outcome = login.outcome();
    return outcome.method == method && outcome.user == "app" && login.request().schema == "shop" &&
           outcome.password.view() == (method == Method::Full ? "secret" : "");
  };
}

TEST(ChangeUserLogin, NativeIsVerifiedOnTheSpot) {
  change_user(change_to(native_reply("secret", kNonce), kNativePassword))
      .asks(know_native)
      .succeeds_if([](const ServerLogin& login) {
        return ends_as(Method::Native)(login) && login.next_sequence() == 1;
      })
      .check();
}

TEST(ChangeUserLogin, AnEmptyNativeReplyIsSwitchedFirst) {
  change_user(change_to("", kNativePassword))
      .asks(know_native)
      .sends(switch_request(kNativePassword))
      .receives(packet(2, native_reply("secret", kNonce)))
      .succeeds_if(ends_as(Method::Native))
      .check();
}

TEST(ChangeUserLogin, CachingSha2IsAlwaysSwitchedFirst) {
  for (const auto& reply : {std::string(), sha2_reply()}) {
    change_user(change_to(reply, kCachingSha2))
        .asks([](ServerLogin& login) {
          EXPECT_FALSE(login.empty_password());
          EXPECT_FALSE(login.proves(caching_sha2_digest("secret")));
          login.answer_full();
        })
        .sends(switch_request(kCachingSha2))
        .receives(packet(2, sha2_reply()))
        .asks(know_password)
        .sends(packet(3, "\x01\x03"))
        .succeeds_if(ends_as(Method::Fast))
        .check();
  }
}

TEST(ChangeUserLogin, MayGoTheWholeWay) {
  change_user(change_to("", kCachingSha2))
      .asks(know_nothing)
      .sends(switch_request(kCachingSha2))
      .receives(packet(2, sha2_reply()))
      .asks(know_nothing)
      .sends(packet(3, "\x01\x04"))
      .receives(packet(4, "secret\0"sv))
      .succeeds_if(ends_as(Method::Full))
      .check();
}

TEST(ChangeUserLogin, AnEmptyPasswordIsSaidAfterTheSwitch) {
  change_user(change_to("", kCachingSha2))
      .asks(know_nothing)
      .sends(switch_request(kCachingSha2))
      .receives(packet(2, "\0"sv))
      .asks([](ServerLogin& login) {
        if (login.auth_response() != "\0"sv) return login.answer_deny({});
        EXPECT_TRUE(login.empty_password());
        login.answer_full();
      })
      .succeeds_if(ends_as(Method::Empty))
      .check();
}

}  // namespace
}  // namespace dorsal::mysql
