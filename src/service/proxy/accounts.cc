#include "service/proxy/accounts.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"
#include "core/mysql/password_hash.h"
#include "service/proxy/monitor.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

// Who asks again and again, as a flood of log-ins with made-up names does, shares an answer.
constexpr auto kBetweenQuestions = std::chrono::milliseconds(20);

// What makes a password another one. Its hash itself never leaves the server, but for accounts of
// mysql_native_password, which can be verified by it alone.
constexpr std::string_view kVersionOf =
    "LEFT(SHA2(CONCAT_WS(0x00, plugin, authentication_string, password_last_changed, "
    "User_attributes), 256), 32)";

// The tables that say what a connection may do, by the columns that name the account. Who is in has
// the rights from when the connection was opened, so all of their columns count.
struct RightsTable {
  std::string_view name;
  std::string_view user;
  std::string_view host;
};
constexpr std::array kMoreRights = {RightsTable{"global_grants", "USER", "HOST"},
                                    RightsTable{"default_roles", "USER", "HOST"},
                                    RightsTable{"role_edges", "TO_USER", "TO_HOST"}};

constexpr std::string_view kAskColumns =
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'mysql' "
    "AND table_name IN ('user', 'global_grants', 'default_roles', 'role_edges') "
    "ORDER BY table_name, ordinal_position";

// A sum over all rows that does not depend on their order, of as much of each one's digest as fits
// into a number.
std::string sum_of(std::string_view columns) {
  return fmt::format(
      "CONCAT(COUNT(*), ':', BIT_XOR(CAST(CONV(LEFT(SHA2(CONCAT_WS(0x00, {}), 256), 16), 16, 10) "
      "AS UNSIGNED)))",
      columns);
}

using ColumnsOf = std::map<std::string, std::string, std::less<>>;  // by table

std::string ask_whether_changed(const ColumnsOf& columns) {
  std::string question = "SELECT CONCAT_WS('/', @@GLOBAL.skip_name_resolve";
  for (const auto& [table, names] : columns) {
    question += fmt::format(", (SELECT {} FROM mysql.{})", sum_of(names), table);
  }
  return question + ")";
}

std::string ask_for_all(const ColumnsOf& columns) {
  std::string rights = fmt::format("SHA2(CONCAT_WS(0x00, {}), 256)", columns.at("user"));
  std::string joins;
  for (const RightsTable& table : kMoreRights) {
    auto names = columns.find(table.name);
    if (names == columns.end()) continue;
    rights += fmt::format(", {}.total", table.name);
    joins += fmt::format(
        " LEFT JOIN (SELECT {1} AS holder, {2} AS place, {3} AS total FROM mysql.{0} "
        "GROUP BY {1}, {2}) AS {0} ON {0}.holder = u.user AND {0}.place = u.host",
        table.name,
        table.user,
        table.host,
        sum_of(names->second));
  }
  return fmt::format(
      "SELECT u.user, u.host, plugin, account_locked = 'Y', password_expired = 'Y', "
      "IFNULL(JSON_LENGTH(User_attributes->'$.multi_factor_authentication') > 0, 0), ssl_type, "
      "ssl_cipher, x509_issuer, x509_subject, "
      "IF(plugin = 'mysql_native_password', authentication_string, ''), {}, "
      "CONCAT_WS('/', {}), @@GLOBAL.skip_name_resolve FROM mysql.user AS u{}",
      kVersionOf,
      rights,
      joins);
}

enum class Column : std::size_t {
  User,
  Host,
  Plugin,
  IsLocked,
  IsExpired,
  HasMoreFactors,
  SslType,
  SslCipher,
  Issuer,
  Subject,
  NativeHash,
  Version,
  Rights,
  SkipNameResolve,
  End,
};

std::size_t index(Column column) { return static_cast<std::size_t>(column); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// mysql.user has SHA1(SHA1(p)) as '*' and 40 hexadecimal digits. Empty when this is none.
Secret native_digest(std::string_view text) {
  if (text.size() != 41 || text[0] != '*') return Secret();
  std::string bytes;
  bytes.reserve(20);
  for (std::size_t i = 1; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return Secret();
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  Secret digest(bytes);
  wipe(bytes);
  return digest;
}

// A text as a literal that no SQL mode and no character in it can change.
std::string as_literal(std::string_view text) {
  return fmt::format("CONVERT(X'{}' USING utf8mb4)", to_hex(text));
}

admission::Require parse_require(std::string_view ssl_type) {
  if (ssl_type == "ANY") return admission::Require::Tls;
  if (ssl_type == "X509") return admission::Require::Certificate;
  if (ssl_type == "SPECIFIED") return admission::Require::Details;
  return admission::Require::Nothing;
}

admission::Account make_account(std::vector<std::optional<std::string>>& row) {
  auto text = [&](Column column) { return std::move(row.at(index(column))).value_or(""); };
  admission::Account account;
  account.user = text(Column::User);
  account.host = admission::HostPattern(text(Column::Host));
  account.plugin = text(Column::Plugin);
  account.is_locked = text(Column::IsLocked) == "1";
  account.is_expired = text(Column::IsExpired) == "1";
  account.has_more_factors = text(Column::HasMoreFactors) == "1";
  account.require = parse_require(text(Column::SslType));
  account.cipher = text(Column::SslCipher);
  account.issuer = text(Column::Issuer);
  account.subject = text(Column::Subject);
  auto hash = text(Column::NativeHash);
  account.native_digest = native_digest(hash);
  wipe(hash);
  account.version = text(Column::Version);
  account.rights = text(Column::Rights);
  return account;
}

std::shared_ptr<const admission::Accounts> make_accounts(mysql::ResultSet& table) {
  bool resolves_names = false;
  std::vector<admission::Account> accounts;
  accounts.reserve(table.rows.size());
  for (auto& row : table.rows) {
    if (row.size() != index(Column::End)) continue;
    resolves_names = row[index(Column::SkipNameResolve)] == "0";
    accounts.push_back(make_account(row));
  }
  return std::make_shared<const admission::Accounts>(std::move(accounts), resolves_names);
}

}  // namespace

AccountBook::Put AccountBook::put(Page page, const std::shared_ptr<const Page>& before) {
  std::lock_guard lock(mutex_);
  const auto now = page_.load();
  if (now && now->digest == page.digest) {
    page.accounts = now->accounts;
    page.asked = std::max(page.asked, now->asked);
    page_.store(std::make_shared<const Page>(std::move(page)));
    return Put::Same;
  }
  const bool is_as_before = now == nullptr || (before && before->digest == now->digest);
  if (!is_as_before) return Put::Unclear;
  page_.store(std::make_shared<const Page>(std::move(page)));
  return Put::Changed;
}

void AccountBook::note_failure(const std::string& reason) {
  std::lock_guard lock(mutex_);
  if (reason == failure_) return;
  failure_ = reason;
  if (!reason.empty()) log_error("proxy", "accounts=unreadable reason=\"{}\"", reason);
}

Server* accounts_server(const LoopContext& context) {
  const ServerView& view = *context.view;
  if (view.primary != nullptr && view.primary->reachable) return view.primary;
  for (Server* server : view.replicas) {
    if (server->reachable) return server;
  }
  return nullptr;
}

io::Task<Result<void>> AccountReader::learn_columns(client::Connection& connection,
                                                    Deadline deadline) {
  DORSAL_CO_TRY(auto results, co_await connection.execute(std::string(kAskColumns), deadline));
  ColumnsOf columns;
  const std::size_t count = results.empty() ? 0 : results.front().rows.size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto& row = results.front().rows[i];
    if (row.size() != 2) co_return corrupt("the server does not tell the columns of its accounts");
    auto& names = columns[row.at(0).value_or("")];
    names += fmt::format("{}`{}`", names.empty() ? "" : ", ", row.at(1).value_or(""));
  }
  if (columns.find("user") == columns.end()) {
    co_return unavailable("the monitor's account may not read mysql.user");
  }
  whether_changed_ = ask_whether_changed(columns);
  all_ = ask_for_all(columns);
  co_return Result<void>();
}

io::Task<Result<void>> AccountReader::read(LoopContext& context,
                                           client::Connection& connection,
                                           Deadline deadline) {
  if (whether_changed_.empty()) {
    DORSAL_CO_TRY_VOID(co_await learn_columns(connection, deadline));
  }
  for (;;) {
    DORSAL_CO_TRY(const auto outcome, co_await read_once(context, connection, deadline));
    if (outcome != AccountBook::Put::Unclear) co_return Result<void>();
  }
}

io::Task<Result<AccountBook::Put>> AccountReader::read_once(LoopContext& context,
                                                            client::Connection& connection,
                                                            Deadline deadline) {
  AccountBook& book = context.shared.accounts;
  const auto before = book.newest();
  AccountBook::Page page;
  page.asked = context.loop.now();
  DORSAL_CO_TRY(page.digest, co_await connection.scalar(whether_changed_, deadline));
  if (before && before->digest == page.digest) {
    page.accounts = before->accounts;
    co_return book.put(std::move(page), before);
  }
  // The digest is the older of the two, so what changes in between is read once more.
  DORSAL_CO_TRY(auto results, co_await connection.execute(all_, deadline));
  if (results.empty()) co_return corrupt("the server does not tell its accounts");
  page.accounts = make_accounts(results.front());
  const auto count = page.accounts->all().size();
  const auto outcome = book.put(std::move(page), before);
  if (outcome == AccountBook::Put::Changed) {
    const auto forgotten = context.shared.credentials.keep_only(*book.newest()->accounts);
    log_debug("proxy", "accounts={} changed=true forgotten_passwords={}", count, forgotten);
  }
  co_return outcome;
}

// The hashes pass through here only for as long as it takes to compare them.
io::Task<Result<std::optional<bool>>> verify_password(LoopContext& context,
                                                      admission::Account account,
                                                      Secret password,
                                                      Deadline deadline) {
  Server* server = accounts_server(context);
  if (server == nullptr) co_return unavailable("no server can be reached that has the accounts");
  DORSAL_CO_TRY(auto connection, co_await connect_as_monitor(context, *server, deadline));
  auto question = fmt::format(
      "SELECT authentication_string, User_attributes->>'$.additional_password' FROM mysql.user "
      "WHERE user = {} AND host = {}",
      as_literal(account.user),
      as_literal(account.host.text()));
  DORSAL_CO_TRY(auto results, co_await connection->execute(std::move(question), deadline));
  std::optional<bool> verdict = false;
  if (results.empty()) co_return verdict;
  for (auto& row : results.front().rows) {
    for (auto& hash : row) {
      if (!hash) continue;
      const auto fits = mysql::verify_password(password.view(), account.plugin, *hash);
      if (!fits) verdict.reset();
      if (fits && *fits) verdict = true;
      wipe(*hash);
    }
  }
  co_return verdict;
}

AccountProbe::AccountProbe(LoopContext& context)
    : context_(context), question_(context.loop, *this, kBetweenQuestions) {}

AccountProbe::~AccountProbe() = default;

io::Task<> AccountProbe::stop() { return question_.stop(); }

io::Task<Result<void>> AccountProbe::look(Deadline deadline) {
  return question_.answer(deadline, "no server told its accounts in time");
}

io::Task<Result<void>> AccountProbe::ask() {
  context_.refresh_view();
  Server* server = accounts_server(context_);
  if (server == nullptr) co_return unavailable("no server can be reached that has the accounts");
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  if (connection_ == nullptr || connected_to_ != server) {
    auto connection = co_await connect_as_monitor(context_, *server, deadline);
    if (!connection) co_return connection.error();
    connection_ = *std::move(connection);
    reader_ = AccountReader();
    connected_to_ = server;
  }
  auto read = co_await reader_.read(context_, *connection_, deadline);
  if (!read) connection_.reset();
  co_return std::move(read).in("cannot read the accounts");
}

}  // namespace dorsal::proxy
