#include "service/proxy/entrance.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/log.h"
#include "core/admission/proxy_protocol.h"
#include "core/mysql/login_client.h"
#include "core/mysql/login_server.h"
#include "service/proxy/accounts.h"
#include "service/proxy/errors.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

constexpr auto kAskAgain = std::chrono::milliseconds(50);

// Accounts that were read longer ago than this count no longer: the monitor reads them every
// second, so it cannot.
constexpr auto kFresh = std::chrono::seconds(20);

// Errors that begin "Access denied for user 'u'@'h'" with the host of the connection.
bool names_the_host(std::uint16_t code) {
  return code == 1045 || code == 1698 || code == 3118 || code == 3955;
}

// Empty for who comes over a unix socket. A scope ("%eth0") says nothing about who the client is.
std::optional<admission::IpAddress> peer_of(const io::Stream& client) {
  const auto text = client.peer_address();
  return admission::IpAddress::parse(std::string_view(text).substr(0, text.find('%')));
}

// The server takes quotes off that some clients put around names.
std::string account_user(std::string user) {
  const bool is_quoted = user.size() > 1 && user.front() == '\'' && user.back() == '\'';
  return is_quoted ? user.substr(1, user.size() - 2) : user;
}

admission::ClientFacts facts_of(const io::Stream& client,
                                const std::optional<admission::IpAddress>& address) {
  admission::ClientFacts facts;
  facts.address = address;
  facts.is_tls = client.is_tls();
  if (!facts.is_tls) return facts;
  auto peer = client.tls_peer();
  facts.cipher = client.tls_cipher();
  facts.is_certified = peer.is_verified;
  facts.issuer = std::move(peer.issuer);
  facts.subject = std::move(peer.subject);
  return facts;
}

}  // namespace

Entrance::Entrance(LoopContext& context, io::Stream& client, std::uint32_t session)
    : context_(context),
      client_(client),
      visit_(context.shared.admission, session),
      address_(peer_of(client)),
      port_(client.peer_port()) {}

// ---- arrival ----

// Who comes over a unix socket is on this machine.
admission::IpAddress Entrance::counted_address() const {
  return address_.value_or(admission::IpAddress::v4(0x7f000001));
}

io::Task<Result<std::optional<mysql::ErrPacket>>> Entrance::arrive(Deadline deadline) {
  using Answer = std::optional<mysql::ErrPacket>;
  const auto options = context_.options;
  // Whose address is not known is not taken for somebody on this machine.
  if (!address_ && !client_.peer_address().empty()) co_return invalid("not an address");
  const bool is_balancer = address_ && admission::contains(options->proxy_protocol_from, *address_);
  const auto reached = visit_.arrive(counted_address(), is_balancer, *options);
  if (reached == Admission::Limit::Clients) co_return Answer(errors::too_many_clients());
  if (reached != Admission::Limit::None) {
    co_return Answer(errors::too_many_from_address(counted_address().text()));
  }
  if (auto thrown_out = visit_.begin_login(*options, context_.loop.now())) {
    context_.shared.sessions.end(*thrown_out, [] {});
  }
  if (!is_balancer) co_return Answer();
  DORSAL_CO_TRY_VOID(co_await read_header(deadline));
  if (visit_.speak_for(counted_address(), *options)) co_return Answer();
  co_return Answer(errors::too_many_from_address(counted_address().text()));
}

io::Task<Result<void>> Entrance::read_header(Deadline deadline) {
  admission::ProxyHeaderReader reader;
  std::array<char, 512> buffer;
  while (reader.wanted() > 0) {
    const auto most = std::min(buffer.size(), reader.wanted());
    auto size = co_await client_.read_some(buffer.data(), most, deadline);
    Result<void> outcome;
    if (!size) {
      outcome = size.error();
    } else {
      outcome = reader.feed(std::string_view(buffer.data(), *size));
    }
    if (outcome) continue;
    context_.shared.numbers.proxy_header_errors.add();
    co_return outcome.error().in("from a balancer at " + described());
  }
  if (reader.source().address) {
    address_ = reader.source().address;
    port_ = reader.source().port;
  }
  co_return Result<void>();
}

std::string Entrance::host() const {
  const auto page = context_.shared.accounts.newest();
  if (page) return page->accounts->host_of(address_);
  return address_ ? address_->text() : "localhost";
}

std::string Entrance::host_and_port() const {
  return address_ ? fmt::format("{}:{}", host(), port_) : host();
}

std::string Entrance::described() const {
  if (!address_) return "unix socket";
  return io::to_string(io::Endpoint(address_->text(), port_));
}

// ---- the account ----

void Entrance::start() {
  user_.reset();
  account_ = nullptr;
  accounts_.reset();
  unknown_.clear();
}

// Takes up the newest accounts; true when the user has one among them.
bool Entrance::takes_page() {
  const auto page = context_.shared.accounts.newest();
  const bool is_fresh = page && context_.loop.now() - page->asked <= kFresh;
  accounts_ = is_fresh ? page->accounts : nullptr;
  account_ = accounts_ ? accounts_->find(account_user(*user_), address_) : nullptr;
  return account_ != nullptr;
}

io::Task<> Entrance::identify(std::string user, Deadline deadline) {
  if (user_ == user) co_return;
  user_ = std::move(user);
  const auto delay = context_.shared.admission.delay(counted_address(), context_.loop.now());
  if (delay > Duration::zero()) {
    const Deadline until = deadline.earlier_of(context_.loop.after(delay));
    co_await context_.loop.sleep_until(until);
  }
  const Deadline patience =
      deadline.earlier_of(context_.loop.after(context_.options->primary_limit));
  while (!takes_page()) {
    auto looked = co_await context_.account_probe->look(patience);
    (void)takes_page();
    unknown_ = looked ? std::string() : looked.error().message;
    if (looked || patience.has_passed(context_.loop.now())) co_return;
    const Deadline again = context_.loop.after(kAskAgain);
    const bool goes_on = co_await context_.loop.sleep_until(again);
    if (!goes_on) co_return;
  }
}

bool Entrance::may_need_tls() const {
  return accounts_ && user_ && accounts_->may_need_tls(account_user(*user_));
}

std::string Entrance::connection_version() const {
  return accounts_ && user_ ? accounts_->connection_version(account_user(*user_)) : std::string();
}

std::optional<mysql::ErrPacket> Entrance::judge(bool using_password) {
  visit_.end_login();  // what takes long from here on is not the client
  if (account_ == nullptr && !unknown_.empty()) return errors::no_primary(unknown_);
  if (account_ != nullptr && admission::meets(*account_, facts_of(client_, address_))) {
    return std::nullopt;
  }
  return mysql::access_denied(account_user(user_.value_or("")), host(), using_password);
}

io::Task<bool> Entrance::look_again(Deadline deadline) {
  if (!user_) co_return false;
  auto looked = co_await context_.account_probe->look(deadline);
  if (!looked) co_return false;
  co_return takes_page();
}

io::Task<std::optional<mysql::ErrPacket>> Entrance::verify(Secret password, Deadline deadline) {
  if (!accounts_->has_several(account_user(*user_))) co_return std::nullopt;
  co_return co_await compare(std::move(password), deadline);
}

io::Task<std::optional<mysql::ErrPacket>> Entrance::judge_factors(Secret password,
                                                                  bool is_proven,
                                                                  Deadline deadline) {
  if (account_ == nullptr || !account_->has_more_factors) co_return std::nullopt;
  std::optional<mysql::ErrPacket> wrong;
  if (!is_proven) wrong = co_await compare(std::move(password), deadline);
  co_return wrong ? wrong : mysql::further_factor_error(account_user(*user_));
}

// The password with the account's own.
io::Task<std::optional<mysql::ErrPacket>> Entrance::compare(Secret password, Deadline deadline) {
  auto verdict = co_await verify_password(context_, *account_, password, deadline);
  if (!verdict) co_return errors::no_primary(verdict.error().message);
  if (verdict->value_or(true)) co_return std::nullopt;
  co_return mysql::access_denied(account_user(*user_), host(), !password.view().empty());
}

std::optional<mysql::ErrPacket> Entrance::admit() {
  // The account that the server saw, by the proxy's address, may be another one.
  if (account_ != nullptr && account_->is_locked) return errors::account_locked(*user_, host());
  const auto user = account_user(*user_);
  const auto limit = context_.options->max_clients_per_user;
  if (visit_.become(user, limit) == Admission::Limit::User) return errors::too_many_of_user(user);
  context_.shared.admission.succeeded(counted_address());
  return std::nullopt;
}

void Entrance::settle() {
  account_ = nullptr;
  accounts_.reset();
}

void Entrance::failed() {
  if (context_.shared.admission.failed(counted_address(), context_.loop.now())) {
    log_warn("proxy", "client={} logins=slowed reason=\"too many have failed\"", described());
  }
}

mysql::ErrPacket Entrance::reworded(mysql::ErrPacket err) const {
  if (!names_the_host(err.code)) return err;
  const auto front = fmt::format("Access denied for user '{}'@'", account_user(user_.value_or("")));
  if (!err.message.starts_with(front)) return err;
  const auto end = err.message.find('\'', front.size());
  if (end == std::string::npos) return err;
  err.message.replace(front.size(), end - front.size(), host());
  return err;
}

}  // namespace dorsal::proxy
