#include "service/proxy/monitor.h"

#include "base/log.h"
#include "core/mysql/protocol.h"
#include "service/proxy/accounts.h"
#include "service/proxy/backend.h"
#include "service/proxy/global_watch.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr auto kRetry = std::chrono::milliseconds(250);
constexpr auto kPatience = std::chrono::milliseconds(1000);
constexpr int kRoundsBetweenAccounts = 10;
constexpr int kRoundsBetweenGlobals = 10;
constexpr int kRoundsBetweenLooks = 3;

std::uint32_t seconds(const std::optional<std::string>& text) {
  return static_cast<std::uint32_t>(std::strtoul(text.value_or("").c_str(), nullptr, 10));
}

io::Task<Result<void>> read_position(LoopContext& context,
                                     Server& server,
                                     client::Connection& connection) {
  // What was told by now was told by servers that the newest topology knows.
  const routing::Position told = context.shared.frontier.told();
  context.refresh_view();
  const bool was_primary = context.view->primary == &server;
  auto results = co_await connection.execute(
      "SELECT @@GLOBAL.gtid_executed, @@GLOBAL.sql_mode, @@GLOBAL.super_read_only, "
      "@@GLOBAL.transaction_isolation, @@GLOBAL.wait_timeout, @@GLOBAL.interactive_timeout",
      context.loop.after(kPatience));
  if (!results) co_return results.error();
  const auto& row = results->at(0).rows.at(0);
  auto& frontier = context.shared.frontier;
  DORSAL_CO_TRY(auto reached, frontier.executed(server.index, row.at(0).value_or("")));
  server.takes_writes = row.at(2) == "0";
  context.refresh_view();
  if (was_primary && context.view->primary == &server) {
    // A primary that takes writes has applied all that there is.
    if (server.takes_writes && frontier.repair(told, reached)) {
      log_warn("proxy",
               "server={} lacks writes that clients were told of; reads no longer wait for them",
               server.name.value());
    }
    ServerFacts::Facts facts;
    facts.version = connection.greeting().server_version;
    facts.sql_mode = row.at(1).value_or("");
    facts.isolation = row.at(3).value_or("");
    facts.wait_timeout = seconds(row.at(4));
    facts.interactive_timeout = seconds(row.at(5));
    context.shared.facts.set(std::move(facts));
  }
  co_return Result<void>();
}

// A server that does not tell its accounts is sound otherwise. Who logs in is told why it is
// refused; the log says it whenever the reason changes.
io::Task<> look_at_accounts(LoopContext& context,
                            AccountReader& reader,
                            client::Connection& connection) {
  auto read = co_await reader.read(context, connection, context.loop.after(kPatience));
  context.shared.accounts.note_failure(read ? std::string() : read.error().message);
}

// Whose connections there are.
constexpr const char* kAskForProxies =
    "SELECT attr_value FROM performance_schema.session_connect_attrs "
    "WHERE attr_name = 'dorsal_proxy' GROUP BY attr_value";

// Looks for connections of other proxies; true: there are some. A server that does not show even
// this one's tells nothing.
io::Task<bool> look_for_others(LoopContext& context,
                               Server& server,
                               client::Connection& connection) {
  const TimePoint sent = context.loop.now();
  auto results = co_await connection.execute(kAskForProxies, context.loop.after(kPatience));
  if (!results) {
    // Not looked. Whether nobody is there any more is for the next look to say.
    server.others.set(-1);
    co_return false;
  }
  bool shows_own = false;
  std::int64_t others = 0;
  if (!results->empty()) {
    for (const auto& row : results->front().rows) {
      const bool is_own = row.at(0) == context.shared.name;
      shows_own |= is_own;
      others += is_own ? 0 : 1;
    }
  }
  server.others.set(shows_own ? others : -1);
  if (shows_own && others == 0) {
    server.other_proxies.saw_none(sent);
  } else {
    server.other_proxies.saw_some();
  }
  context.refresh_view();
  const bool is_alone = context.view->excludes_other_proxies(context.loop.now());
  context.shared.numbers.alone.set(is_alone ? 1 : 0);
  co_return shows_own&& others > 0;
}

// Until the connection fails or the task is cancelled.
io::Task<Result<void>> watch(LoopContext& context,
                             Server& server,
                             routing::Introduction& introduction,
                             GlobalWatch& globals) {
  auto connected = co_await connect_as_monitor(context, server, context.loop.after(kPatience));
  if (!connected) co_return connected.error();
  auto connection = *std::move(connected);
  introduction.arrived(context.loop.now());
  const bool are_others_there = co_await look_for_others(context, server, *connection);
  if (are_others_there) {
    const Duration wait = introduction.wait(context.loop.now());
    co_await context.loop.sleep_until(context.loop.after(wait));
  }
  AccountReader accounts;
  globals.connected();
  for (int round = 0;; ++round) {
    DORSAL_CO_TRY_VOID(co_await read_position(context, server, *connection));
    if (!server.reachable.exchange(true)) {
      log_info("proxy", "server={} reachable=true", server.name.value());
    }
    if (accounts_server(context) == &server && round % kRoundsBetweenAccounts == 0) {
      co_await look_at_accounts(context, accounts, *connection);
    }
    if (round % kRoundsBetweenGlobals == 0) {
      auto looked = co_await globals.look(*connection, context.loop.after(kPatience));
      if (!looked) {
        log_debug("proxy",
                  "server={} global_variables=unknown reason=\"{}\"",
                  server.name.value(),
                  looked.error().message);
      }
    }
    if (round % kRoundsBetweenLooks == kRoundsBetweenLooks - 1) {
      (void)co_await look_for_others(context, server, *connection);
    }
    const bool goes_on = co_await context.loop.sleep_until(context.loop.after(kInterval));
    if (!goes_on) co_return unavailable("cancelled");
  }
}

}  // namespace

io::Task<Result<std::unique_ptr<client::Connection>>> connect_as_monitor(LoopContext& context,
                                                                         const Server& server,
                                                                         Deadline deadline) {
  const auto kept = context.options;
  const Options& own = *kept;
  client::ConnectOptions options;
  options.endpoint = server.endpoint;
  options.login.user = own.monitor_user;
  options.login.password = own.monitor_password;
  options.login.capabilities = mysql::capability::kDeprecateEof;
  options.login.attributes = attributes_of(context.shared);
  const bool is_near = is_loopback(server.endpoint.host);
  options.login.tls = own.server_tls && !is_near ? mysql::ClientLoginOptions::Tls::Required
                                                 : mysql::ClientLoginOptions::Tls::Off;
  options.tls = own.server_tls;
  options.tls_name = server.endpoint.host;
  auto connection =
      co_await client::Connection::connect(context.loop, std::move(options), deadline);
  co_return connection;
}

io::Task<> monitor(LoopContext& context, Server& server) {
  routing::Introduction introduction;
  GlobalWatch globals(server);
  for (;;) {
    auto ended = co_await watch(context, server, introduction, globals);
    introduction.left(context.loop.now());
    server.others.set(-1);
    server.other_proxies.lost();
    server.takes_writes = false;
    const bool is_over = co_await io::cancelled();
    if (is_over) co_return;
    if (server.reachable.exchange(false)) {
      log_warn("proxy",
               "server={} reachable=false reason=\"{}\"",
               server.name.value(),
               ended.error().message);
    }
    // It may come back with other data than it had.
    context.shared.frontier.forget(server.index);
    co_await context.loop.sleep_until(context.loop.after(kRetry));
  }
}

}  // namespace dorsal::proxy
