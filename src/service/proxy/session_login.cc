#include <fmt/format.h>

#include "base/log.h"
#include "core/mysql/auth.h"
#include "core/mysql/change_user.h"
#include "core/mysql/login_server.h"
#include "edge/client/compression.h"
#include "edge/client/converse.h"
#include "service/proxy/errors.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

namespace cap = mysql::capability;

// What clients are offered: everything that is carried through, and compression as configured.
constexpr std::uint32_t kOffered =
    cap::kLongPassword | cap::kFoundRows | cap::kLongFlag | cap::kConnectWithDb | cap::kNoSchema |
    cap::kOdbc | cap::kLocalFiles | cap::kIgnoreSpace | cap::kProtocol41 | cap::kInteractive |
    cap::kIgnoreSigpipe | cap::kTransactions | cap::kReserved | cap::kSecureConnection |
    cap::kMultiStatements | cap::kMultiResults | cap::kPsMultiResults | cap::kPluginAuth |
    cap::kConnectAttrs | cap::kPluginAuthLenencData | cap::kCanHandleExpiredPasswords |
    cap::kSessionTrack | cap::kDeprecateEof | cap::kQueryAttributes |
    cap::kOptionalResultsetMetadata;

// The character set of a collation, as information_schema.collations pairs them, for those that
// most clients log in with. Of any other the name stays empty, which the tokeniser takes for one
// whose text it cannot be certain of.
std::string charset_of(std::uint8_t collation) {
  const bool is_utf8mb4 = collation == 45 || collation == 46 || collation == 255 ||
                          (collation >= 224 && collation <= 247);
  if (is_utf8mb4) return "utf8mb4";
  const bool is_utf8mb3 = collation == 33 || collation == 76 || collation == 83 ||
                          collation == 223 || (collation >= 192 && collation <= 215);
  if (is_utf8mb3) return "utf8mb3";
  switch (collation) {
    case 5:
    case 8:
    case 15:
    case 31:
    case 47:
    case 48:
    case 49:
    case 94:
      return "latin1";
    case 11:
    case 65:
      return "ascii";
    default:
      return {};
  }
}

}  // namespace

mysql::Greeting Session::make_greeting() const {
  mysql::Greeting greeting;
  greeting.server_version = shared_.facts.get().version;
  greeting.connection_id = id_;
  greeting.nonce = nonce_;
  greeting.capabilities = kOffered | context_.options->client_compression.capabilities();
  greeting.auth_plugin = mysql::kCachingSha2;
  return greeting;
}

// False: the client may not come in, and has been told as far as it is to be told.
io::Task<bool> Session::arrive(Deadline deadline) {
  entrance_.emplace(context_, client_, id_);
  auto refused = co_await entrance_->arrive(deadline);
  if (refused && !*refused) co_return true;
  if (!refused) {
    log_debug("proxy", "session={} {}", id_, refused.error().message);
    co_return false;
  }
  // In the place of the greeting, nothing is negotiated yet.
  reply_to_ = 0xff;
  client_capabilities_ = 0;
  co_await send_err(**refused);
  co_return false;
}

io::Task<bool> Session::log_in() {
  const Deadline deadline = context_.loop.after(context_.options->login_limit);
  const bool has_arrived = co_await arrive(deadline);
  if (!has_arrived) co_return false;
  nonce_ = mysql::make_nonce();
  mysql::ServerLoginOptions options;
  options.greeting = make_greeting();
  options.tls_available = context_.options->client_tls.has_value();
  options.tls_required = context_.options->client_tls_required;
  options.compression_required = !context_.options->client_compression.uncompressed;
  options.rsa_key = &shared_.rsa_key;
  mysql::ServerLogin login(std::move(options));
  entrance_->start();
  const bool is_sound = co_await converse_login(login, deadline);
  if (!is_sound) {
    shared_.numbers.logins_refused.add();
    co_return false;
  }
  inbox_ = login.leftover();
  const bool is_in = co_await finish_login(login, deadline);
  if (is_in) start_compression(login);
  (is_in ? shared_.numbers.logins : shared_.numbers.logins_refused).add();
  co_return is_in;
}

void Session::start_compression(const mysql::ServerLogin& login) {
  client::start_compression(client_,
                            login.capabilities(),
                            login.request().zstd_level,
                            true,
                            &shared_.numbers.client_compression,
                            inbox_);
  if (client_.is_compressed()) inbox_.clear();
}

// Until the client has proved who it is or is known not to have; false: the connection is of no
// use.
io::Task<bool> Session::converse_login(mysql::ServerLogin& login, Deadline deadline) {
  for (;;) {
    auto need = co_await client::converse(client_, login, deadline);
    if (!need) {
      log_debug("proxy",
                "session={} client={} log-in ended: {}",
                id_,
                entrance_->described(),
                need.error().message);
      co_return false;
    }
    switch (*need) {
      case mysql::Need::Kind::Done:
        co_return true;
      case mysql::Need::Kind::Ask:
        co_await entrance_->identify(login.request().user, deadline);
        answer_login(login);
        break;
      case mysql::Need::Kind::StartTls: {
        // A reload may have taken TLS away since it was offered.
        const auto options = context_.options;
        if (!options->client_tls) co_return false;
        auto early = login.leftover();
        auto started = co_await client_.start_tls_server(*options->client_tls, deadline, early);
        if (!started) co_return false;
        break;
      }
      default:
        co_return false;
    }
  }
}

// The account's plug-in decides how the password is to be proved; where that is not known, the
// password itself is asked for, and a server is the judge. Who has no account is asked all the
// same, so as not to learn that.
void Session::answer_login(mysql::ServerLogin& login) {
  const admission::Account* account = entrance_->account();
  if (account != nullptr && !account->native_digest.view().empty()) {
    login.answer_native(std::string(account->native_digest.view()));
    return;
  }
  auto known =
      account == nullptr ? std::nullopt : shared_.credentials.find(*account, context_.loop.now());
  if (known && login.proves(known->digest.view())) {
    identity_.password = known->password;
    login.answer_fast_ok();
    return;
  }
  login.answer_full();
}

// Log-ins end here that are denied.
io::Task<bool> Session::deny(mysql::ErrPacket err) {
  if (err.code == errors::kAccessDenied) entrance_->failed();
  log_debug("proxy",
            "session={} client={} user={} refused={}",
            id_,
            entrance_->described(),
            identity_.user,
            err.code);
  co_await send_err(std::move(err));
  co_return false;
}

void Session::take_identity(const mysql::ServerLogin& login, mysql::ServerLoginOutcome outcome) {
  using Method = mysql::ServerLoginOutcome::Method;
  identity_.user = outcome.user;
  identity_.native_sha1.reset();
  identity_.client_capabilities = client_capabilities_;
  identity_.collation = login.request().collation;
  if (outcome.method == Method::Full) identity_.password = outcome.password;
  if (outcome.method == Method::Empty) identity_.password = Secret();
  if (outcome.method == Method::Native) identity_.native_sha1 = outcome.native_sha1;
}

io::Task<bool> Session::finish_login(mysql::ServerLogin& login, Deadline deadline) {
  using Method = mysql::ServerLoginOutcome::Method;
  auto outcome = login.outcome();
  const Method method = outcome.method;
  is_logged_in_ = false;
  reply_to_ = static_cast<std::uint8_t>(login.next_sequence() - 1);
  client_capabilities_ = login.capabilities();
  const bool is_answered = outcome.is_answered;
  take_identity(login, std::move(outcome));
  if (is_answered) co_return false;
  if (method == Method::Denied) {
    co_return co_await deny(mysql::access_denied(identity_.user, entrance_->host(), true));
  }
  const Deadline look_deadline =
      deadline.earlier_of(context_.loop.after(context_.options->primary_limit));
  auto refused = entrance_->judge(method != Method::Empty);
  // What the account demands may have changed a moment ago; and a password that a server judges now
  // is to be remembered for what the account is now.
  const bool is_clear = method == Method::Full || method == Method::Empty;
  if (refused || is_clear) {
    (void)co_await entrance_->look_again(look_deadline);
    refused = entrance_->judge(method != Method::Empty);
  }
  if (!refused) {
    refused = co_await entrance_->judge_factors(identity_.password, !is_clear, look_deadline);
  }
  if (refused) co_return co_await deny(*std::move(refused));

  const ServerFacts::Facts facts = shared_.facts.get();
  state_.start(facts.sql_mode, charset_of(identity_.collation), login.request().schema);
  const bool is_interactive = (client_capabilities_ & cap::kInteractive) != 0;
  state_.usual_wait_timeout = is_interactive ? facts.interactive_timeout : facts.wait_timeout;
  state_.wait_timeout = state_.usual_wait_timeout;
  take_account();
  relay_.emplace(client_capabilities_, client_capabilities_, state_.tracking);
  // As it was before the password is judged.
  const admission::Account account = *entrance_->account();
  const Deadline server_deadline =
      deadline.earlier_of(context_.loop.after(context_.options->primary_limit));
  // A known password counts as long as its account is what it was.
  const bool is_verified = method == Method::Native || method == Method::Fast;
  refused = co_await reach_servers(is_verified, server_deadline);
  if (refused && refused->code == errors::kAccessDenied) {
    shared_.credentials.forget(account, identity_.password);
  }
  // The account may have been looked at again since.
  if (!refused) refused = entrance_->judge(method != Method::Empty);
  if (!refused && is_clear) {
    refused = co_await entrance_->verify(identity_.password, server_deadline);
  }
  if (!refused) refused = entrance_->admit();
  if (refused) co_return co_await deny(entrance_->reworded(*refused));
  if (method == Method::Full) {
    const bool by_primary = home_ && &home_->server() == context_.view->primary;
    identity_.password = shared_.credentials.remember(
        account,
        identity_.password,
        by_primary ? Credentials::VerifiedBy::Primary : Credentials::VerifiedBy::Replica,
        context_.loop.now());
  }
  entrance_->settle();
  is_logged_in_ = true;
  shared_.sessions.set_user(id_, identity_.user);
  const bool is_in = co_await send_ok(0, state_.schema()) == Outcome::Answered;
  co_await let_go();
  co_return is_in;
}

// Has a server judge the password, unless it has done so before, and leaves the session with a
// connection. An error is for the client.
io::Task<std::optional<mysql::ErrPacket>> Session::reach_servers(bool is_verified,
                                                                 Deadline deadline) {
  std::optional<mysql::ErrPacket> refused;
  if (!is_verified) refused = co_await verify(deadline);
  if (!refused) refused = co_await ensure_home(deadline);
  if (!refused) {
    state_.status = home_->login_status();
    auto brought = co_await bring_up_to_date(*home_, needs_at_home(false));
    refused = brought ? *brought : errors::no_primary(brought.error().message);
    if (refused) home_.reset();
  }
  if (refused && refused->code == errors::kNoServer && listener_ == routing::Listener::Split) {
    const bool is_in = co_await log_in_on_replica();
    if (is_in) refused.reset();
  }
  co_return refused;
}

// A server is asked whether the user may log in. Without one to ask, that is found out by whoever
// needs a connection.
io::Task<std::optional<mysql::ErrPacket>> Session::verify(Deadline deadline) {
  context_.refresh_view();
  Server* server = pick_home();
  if (server == nullptr) co_return std::nullopt;
  auto opened = co_await Backend::open(context_, *server, identity_, deadline);
  if (!opened) co_return std::nullopt;
  if (opened->backend) pool_of(*server)->adopt(std::move(opened->backend));
  co_return opened->refused;
}

// A server has refused the account. True: it has changed since this session logged in or began to,
// so it is worth another try. Who is in stays in when its password changes, as soon as the new one
// is known here.
io::Task<bool> Session::renew_identity(Deadline deadline) {
  const bool is_there = co_await entrance_->look_again(deadline);
  if (!is_there) co_return false;
  if (is_logged_in_) {
    auto known = shared_.credentials.find(*entrance_->account(), context_.loop.now());
    if (known) identity_.password = known->password;
  }
  const std::string before = pool_key_;
  take_account();
  if (is_logged_in_) entrance_->settle();
  co_return pool_key_ != before;
}

// Without a primary reads still go on: any replica may judge the password.
io::Task<bool> Session::log_in_on_replica() {
  context_.refresh_view();
  const std::shared_ptr<const ServerView> view = context_.view;
  for (Server* server : view->replicas) {
    if (!server->reachable) continue;
    std::optional<mysql::ErrPacket> refused;
    const Deadline deadline = context_.loop.after(context_.options->connect_limit);
    auto borrowed = co_await borrow(*server, 0, refused, deadline);
    if (!borrowed || refused) continue;
    state_.status = (*borrowed)->login_status();
    borrowed->give_back();
    co_return true;
  }
  co_return false;
}

// What the user's accounts are now. Between start() and settle() of the entrance.
void Session::take_account() {
  identity_.needs_tls = entrance_->may_need_tls();
  identity_.account_version = entrance_->connection_version();
  use_identity();
}

// Connections belong to pools of those who log in alike, to accounts that have not changed since.
void Session::use_identity() {
  auto key = pool_key(identity_);
  if (key == pool_key_) return;
  pool_key_ = std::move(key);
  pools_.clear();
}

io::Task<Session::Outcome> Session::change_user(const ClientCommand& command) {
  auto request = mysql::decode_change_user(command.payload, client_capabilities_);
  if (!request || !command.is_whole) co_return co_await send_err(errors::malformed_packet());
  const Deadline deadline = context_.loop.after(context_.options->login_limit);
  mysql::ServerLoginOptions options;
  options.greeting = make_greeting();
  options.channel_is_secure = client_.is_tls();
  options.rsa_key = &shared_.rsa_key;
  mysql::ServerLogin login(std::move(options), *request, client_capabilities_, 1);
  entrance_->start();
  // The old user is gone whatever comes of this; its transaction is rolled back by the server.
  home_.reset();
  forget_state();
  const bool is_sound = co_await converse_login(login, deadline);
  if (!is_sound) co_return Outcome::Closed;
  inbox_ = login.leftover() + inbox_;
  const bool is_in = co_await finish_login(login, deadline);
  co_return is_in ? Outcome::Answered : Outcome::Closed;
}

}  // namespace dorsal::proxy
