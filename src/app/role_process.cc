#include "app/role_process.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <memory>
#include <utility>

#include "app/endpoints.h"
#include "app/proxy_options.h"
#include "app/reloader.h"
#include "app/topology_watcher.h"
#include "base/log.h"
#include "edge/coord/sqlite_store.h"
#include "edge/io/scope.h"
#include "edge/io/signals.h"
#include "service/admin/admin.h"
#include "service/proxy/proxy.h"

namespace dorsal::app {
namespace {

// How soon a certificate that was replaced is served.
constexpr auto kLookAtCertificates = std::chrono::seconds(2);

io::Task<> watch_certificates(io::Loop& loop, Reloader& reloader) {
  for (;;) {
    const bool goes_on = co_await loop.sleep_until(loop.after(kLookAtCertificates));
    if (!goes_on) co_return;
    reloader.look_at_certificates();
  }
}

// Returns with the signal that tells the process to end.
io::Task<int> reload_until_told_to_end(io::Signals& signals, Reloader& reloader) {
  for (;;) {
    const int signal = co_await signals.next();
    if (signal != SIGHUP) co_return signal;
    reloader.reload();
  }
}

// The memory holds private keys and what clients send and are sent. Neither may anybody else of the
// same user read it then, as a debugger would.
void keep_memory_private(const Config& config) {
  ::prctl(PR_SET_DUMPABLE, config.proxy.core_dumps ? 1 : 0);
}

// Each client is an open file; the limit that a shell gives is made for less.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

std::string role_config_file(const RoleOptions& options) {
  return find_config_file(options.config, "", process_environment());
}

Result<Config> load_role_config(const RoleOptions& options) {
  return load_config(role_config_file(options), process_environment(), options.overrides);
}

Result<void> open_log(const LogConfig& config) {
  if (!log_to(config.file)) {
    return unavailable(
        fmt::format("the log file {} cannot be opened; look at log.file", config.file));
  }
  log_threshold(config.level);
  return {};
}

Result<Config> begin_role(const RoleOptions& options) {
  DORSAL_TRY(auto config, load_role_config(options));
  DORSAL_TRY_VOID(open_log(config.log));
  std::signal(SIGPIPE, SIG_IGN);
  return config;
}

Result<void> serve(const RoleOptions& options, bool with_proxy) {
  const char* role = with_proxy ? kProxyRole : kAdminRole;
  io::Loop loop;
  // Before the lock, by which others find this process and signal it.
  io::Signals signals(loop, {SIGTERM, SIGINT, SIGHUP});
  DORSAL_TRY(const auto config, begin_role(options));
  raise_file_limit();
  if (with_proxy) keep_memory_private(config);
  DORSAL_TRY(auto lock, hold_role(config.run, role));
  DORSAL_TRY(auto store, coord::SqliteStore::open(loop, config.cluster.store));
  coord::ClusterStore cluster(*store);
  Counters counters;
  cluster::SharedTopology topology;

  Reloader reloader(role, options, config);
  std::unique_ptr<proxy::Proxy> proxy;
  if (with_proxy) {
    DORSAL_TRY(auto proxy_settings, proxy_options(config));
    DORSAL_TRY(proxy, proxy::Proxy::start(std::move(proxy_settings), topology, counters));
    reloader.attach(*proxy);
  }
  // After the proxy, so that who hears from the admin page knows that the proxy listens.
  admin::Options admin_options{config.admin.listen,
                               config.admin.http_port,
                               endpoints_of(config),
                               with_proxy};
  DORSAL_TRY(auto admin, admin::Admin::start(std::move(admin_options), topology, counters));

  log_info(role, "state=running http={}", endpoints_of(config).http);
  io::Scope scope(loop);
  scope.spawn(watch_topology(loop, cluster, topology));
  scope.spawn(watch_certificates(loop, reloader));
  int signal = io::block_on(loop, reload_until_told_to_end(signals, reloader));
  log_info(role, "state=stopping signal={}", signal);
  return {};
}

}  // namespace dorsal::app
