#include "app/role_process.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "app/endpoints.h"
#include "app/open_store.h"
#include "app/proxy_options.h"
#include "app/proxy_succession.h"
#include "app/reloader.h"
#include "app/successor.h"
#include "app/topology_watcher.h"
#include "base/log.h"
#include "edge/coord/cluster_store.h"
#include "edge/io/event.h"
#include "edge/io/scope.h"
#include "edge/io/signals.h"
#include "service/admin/admin.h"
#include "service/proxy/proxy.h"

namespace dorsal::app {
namespace {

// How soon a certificate that was replaced is served.
constexpr auto kLookAtCertificates = std::chrono::seconds(2);

constexpr auto kPortPatience = std::chrono::seconds(10);
constexpr auto kTryAgain = std::chrono::milliseconds(20);

io::Task<> watch_certificates(io::Loop& loop, Reloader& reloader) {
  for (;;) {
    const bool goes_on = co_await loop.sleep_until(loop.after(kLookAtCertificates));
    if (!goes_on) co_return;
    reloader.look_at_certificates();
  }
}

// Why a process ends, as its log says it.
class End {
 public:
  explicit End(io::Loop& loop) : event_(loop) {}

  void because(std::string reason) {
    if (event_.is_set()) return;
    reason_ = std::move(reason);
    event_.set();
  }

  io::Task<std::string> comes() {
    co_await event_.wait(Deadline::never());
    co_return reason_;
  }

 private:
  io::Event event_;
  std::string reason_;
};

// `successor`: a proxy's; may be null.
io::Task<> obey_signals(io::Signals& signals, Reloader& reloader, Successor* successor, End& end) {
  for (;;) {
    const int signal = co_await signals.next();
    if (signal == 0) co_return;
    if (signal == SIGHUP) {
      reloader.reload();
    } else if (signal == SIGUSR2) {
      successor->start();
    } else {
      end.because(fmt::format("signal={}", signal));
    }
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

io::Task<> pause(io::Loop& loop) { co_await loop.sleep_until(loop.after(kTryAgain)); }

// The port may still be the predecessor's for a moment.
Result<std::unique_ptr<admin::Admin>> start_admin(io::Loop& loop,
                                                  const admin::Options& options,
                                                  const cluster::SharedTopology& topology,
                                                  const Counters& counters,
                                                  bool has_predecessor) {
  const Deadline patience = loop.after(kPortPatience);
  for (;;) {
    auto admin = admin::Admin::start(options, topology, counters);
    if (admin || !has_predecessor || patience.has_passed(loop.now())) return admin;
    io::block_on(loop, pause(loop));
  }
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
  std::vector<int> obeyed = {SIGTERM, SIGINT, SIGHUP};
  if (with_proxy) obeyed.push_back(SIGUSR2);
  io::Signals signals(loop, obeyed);
  DORSAL_TRY(const auto config, begin_role(options));
  raise_file_limit();
  if (with_proxy) keep_memory_private(config);
  std::optional<ProxySuccession> succession;
  if (with_proxy) succession.emplace(loop, config);
  if (options.takes_over) DORSAL_TRY_VOID(succession->ask());
  std::optional<io::FileLock> lock;
  if (!options.takes_over) {
    DORSAL_TRY(lock, hold_role(config.run, role));
  }
  DORSAL_TRY(auto store, open_store(loop, config));
  coord::ClusterStore cluster(*store);
  Counters counters;
  cluster::SharedTopology topology;

  Reloader reloader(role, options, config);
  End end(loop);
  std::unique_ptr<proxy::Proxy> proxy;
  std::unique_ptr<admin::Admin> admin;
  std::optional<Successor> successor;
  io::Scope scope(loop);
  if (with_proxy) {
    successor.emplace(loop, scope, options, config.run);
    DORSAL_TRY(auto proxy_settings, proxy_options(config));
    DORSAL_TRY(proxy, succession->start(std::move(proxy_settings), topology, counters));
    reloader.attach(*proxy);
  }
  scope.spawn(watch_topology(loop, cluster, topology));
  if (with_proxy) {
    DORSAL_TRY(lock, succession->go_live(*proxy, std::move(lock)));
  }
  // After the proxy, so that who hears from the admin page knows that the proxy listens.
  admin::Options admin_options{config.admin.listen,
                               config.admin.http_port,
                               endpoints_of(config),
                               with_proxy};
  DORSAL_TRY(admin, start_admin(loop, admin_options, topology, counters, options.takes_over));

  log_info(role, "state=running http={}", endpoints_of(config).http);
  scope.spawn(watch_certificates(loop, reloader));
  scope.spawn(obey_signals(signals, reloader, successor ? &*successor : nullptr, end));
  if (with_proxy) {
    ProxySuccession::Hooks hooks;
    hooks.leave = [&] {
      successor->has_taken_over();
      reloader.retire();
      admin->leave_port();
    };
    hooks.drain_limit = [&] { return reloader.config().proxy.drain_limit; };
    hooks.end = [&](const char* why) { end.because(why); };
    scope.spawn(succession->pass_on(*proxy, lock, std::move(hooks)));
  }
  const std::string reason = io::block_on(loop, end.comes());
  log_info(role, "state=stopping {}", reason);
  io::block_on(loop, scope.cancel_and_join());
  if (with_proxy) io::block_on(loop, succession->end());
  return {};
}

}  // namespace dorsal::app
