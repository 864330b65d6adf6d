#include "app/role_process.h"

#include <fmt/format.h>

#include <csignal>
#include <utility>

#include "app/endpoints.h"
#include "app/topology_watcher.h"
#include "base/log.h"
#include "edge/coord/sqlite_store.h"
#include "edge/instance/secrets.h"
#include "edge/io/files.h"
#include "edge/io/scope.h"
#include "edge/io/signals.h"
#include "service/admin/admin.h"
#include "service/proxy/proxy.h"

namespace dorsal::app {
namespace {

Result<void> open_log(const LogConfig& config) {
  log_threshold(config.level);
  if (config.file.empty() || log_to(config.file)) return {};
  return unavailable(
      fmt::format("the log file {} cannot be opened; look at log.file", config.file));
}

// Without files there is no TLS towards clients and servers, which the log says once.
Result<void> add_tls(const Config& config, proxy::Options& options) {
  auto authority = config.tls + "/ca.pem";
  auto certificate = config.tls + "/proxy.pem";
  if (!io::exists(authority) || !io::exists(certificate)) {
    log_warn("proxy", "tls=off reason=\"{} or {} is missing\"", authority, certificate);
    return {};
  }
  DORSAL_TRY(options.client_tls,
             io::TlsContext::server(certificate, config.tls + "/proxy-key.pem", authority));
  DORSAL_TRY(options.server_tls, io::TlsContext::client(io::TlsVerify::CaAndName, authority));
  return {};
}

Result<proxy::Options> proxy_options(const Config& config) {
  const auto& from = config.proxy;
  proxy::Options options;
  options.listen = from.listen;
  options.split_port = from.split_port;
  options.primary_port = from.primary_port;
  options.replicas_port = from.replicas_port;
  options.split_consistency = from.split_consistency.value_or(from.consistency);
  options.primary_consistency = from.primary_consistency.value_or(from.consistency);
  options.replicas_consistency = from.replicas_consistency.value_or(from.consistency);
  options.causal_wait = from.causal_wait;
  options.login_limit = from.login_limit;
  options.connect_limit = from.connect_limit;
  options.primary_limit = from.primary_limit;
  options.pools.maximum = from.pool_max;
  options.pools.minimum = from.pool_min;
  options.zone = from.zone;
  options.split_max_lag = from.split_max_lag;
  options.replicas_max_lag = from.replicas_max_lag;
  options.pools.reserve = from.pool_reserve;
  options.pools.wait = from.pool_wait;
  options.pools.debug_swap = from.debug_swap_connections;
  options.client_compression = from.compression;
  options.server_compression = from.server_compression;
  options.loops = from.loops;
  DORSAL_TRY_VOID(add_tls(config, options));
  options.monitor_user = instance::kMonitorUser;
  DORSAL_TRY(options.monitor_password,
             instance::load_secret(config.secrets, instance::kMonitorSecret));
  return options;
}

}  // namespace

Result<Config> begin_role(const RoleOptions& options) {
  auto environment = process_environment();
  auto file = find_config_file(options.config, "", environment);
  DORSAL_TRY(auto config, load_config(file, environment, options.overrides));
  DORSAL_TRY_VOID(open_log(config.log));
  std::signal(SIGPIPE, SIG_IGN);
  return config;
}

io::Task<int> wait_for_end(io::Loop& loop) {
  std::vector<int> signals = {SIGTERM, SIGINT, SIGHUP};
  co_return co_await io::wait_signal(loop, std::move(signals));
}

Result<void> serve(const Config& config, bool with_proxy) {
  const char* role = with_proxy ? kProxyRole : kAdminRole;
  DORSAL_TRY(auto lock, hold_role(config.run, role));
  io::Loop loop;
  DORSAL_TRY(auto store, coord::SqliteStore::open(loop, config.cluster.store));
  coord::ClusterStore cluster(*store);
  Counters counters;
  cluster::SharedTopology topology;

  std::unique_ptr<proxy::Proxy> proxy;
  if (with_proxy) {
    DORSAL_TRY(auto options, proxy_options(config));
    DORSAL_TRY(proxy, proxy::Proxy::start(std::move(options), topology, counters));
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
  int signal = io::block_on(loop, wait_for_end(loop));
  log_info(role, "state=stopping signal={}", signal);
  return {};
}

}  // namespace dorsal::app
