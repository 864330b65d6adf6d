#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "app/commands.h"
#include "app/find_mysqld.h"
#include "app/local_cluster.h"
#include "app/open_store.h"
#include "app/peer_api.h"
#include "app/role.h"
#include "app/role_process.h"
#include "app/up_checks.h"
#include "base/counters.h"
#include "base/log.h"
#include "edge/coord/cluster_store.h"
#include "edge/coord/event_store.h"
#include "edge/instance/mysqld_instance.h"
#include "edge/io/clock.h"
#include "edge/io/files.h"
#include "edge/io/scope.h"
#include "edge/io/signals.h"
#include "edge/io/url.h"
#include "service/agent/agent.h"

namespace dorsal::app {
namespace {

instance::Options instance_options(const Config& config, std::string mysqld) {
  const auto& node = config.node;
  instance::Options options;
  options.dir = node.dir;
  options.mysqld = std::move(mysqld);
  options.address = node.address;
  options.secrets_dir = config.secrets;
  options.tls_ca = config.tls + "/ca.pem";
  options.tls_cert = config.tls + "/" + node.name + ".pem";
  options.tls_key = config.tls + "/" + node.name + "-key.pem";
  options.clone_mib_per_second = node.clone_limit;
  options.buffer_pool_bytes = size_in_bytes(node.buffer_pool);
  options.settings.assign(node.settings.begin(), node.settings.end());
  return options;
}

agent::Options agent_options(const Config& config,
                             const std::optional<NodeCertificate>& certificate) {
  agent::Options options;
  options.node = cluster::NodeName(config.node.name);
  options.address = config.node.address;
  options.server_id = config.node.server_id;
  // Counts only if this node is the first ever; the store keeps what it was founded with.
  options.charter =
      cluster::Charter{config.cluster.name, make_uuid(), config.cluster.mode, config.cluster.acks};
  if (certificate) {
    options.charter.uuid = certificate->identity.cluster;
    options.is_charter_certain = true;
    auto endpoint = agent_endpoint(config.node);
    if (endpoint) options.agent_address = io::to_string(*endpoint);
  }
  options.heartbeat = config.node.heartbeat;
  options.policy.lease_ttl = config.node.lease;
  options.zone = config.node.zone;
  options.read_weight = config.node.read_weight;
  options.priority = config.node.priority;
  options.version = version_line();
  options.hook = config.node.hook;
  if (auto webhook = io::parse_url(config.node.webhook)) options.webhook = *std::move(webhook);
  return options;
}

constexpr auto kReloadLimit = std::chrono::seconds(10);

// A server that does not run reads its certificate when it starts.
io::Task<> reload_tls(io::Loop& loop, instance::Instance& instance) {
  const Deadline deadline = loop.after(kReloadLimit);
  const auto reloaded = co_await instance.reload_tls(deadline);
  if (reloaded) {
    log_info("node", "certificates=reloaded by=mysqld");
  } else {
    log_warn("node", "certificates=kept by=mysqld reason=\"{}\"", reloaded.error().message);
  }
}

// The log file may have been moved away, and certificates are read again.
void reload(const Config& config, PeerApi* api, const std::function<void()>& reload_server) {
  auto opened = open_log(config.log);
  if (!opened) log_error("node", "reload=refused reason=\"{}\"", opened.error().message);
  api != nullptr ? api->reload() : reload_server();
}

// Every further signal to stop asks again, which does no harm.
io::Task<> obey_signals(io::Signals& signals,
                        const Config& config,
                        agent::Agent& agent,
                        PeerApi* api,
                        std::function<void()> reload_server) {
  for (;;) {
    int signal = co_await signals.next();
    if (signal == 0) co_return;
    if (signal == SIGHUP) {
      reload(config, api, reload_server);
      continue;
    }
    log_info("node", "state=stopping signal={}", signal);
    agent.request_stop();
  }
}

}  // namespace

// On the main thread from start to end: the kernel kills mysqld when the thread that started it
// ends.
Result<void> node(const RoleOptions& options) {
  DORSAL_TRY(auto config, begin_role(options));
  DORSAL_TRY(auto lock, hold_role(config.run, config.node.name));
  DORSAL_TRY(auto mysqld, find_mysqld(config.node.mysqld, process_environment()));
  DORSAL_TRY(auto certificate, load_node_certificate(config));
  const bool is_new = !io::exists(config.node.dir);
  if (certificate && is_new) {
    DORSAL_TRY_VOID(refuse_expired(config, *certificate, io::wall_ms() / 1000));
  }
  log_info("node", "node={} mysqld={} version={}", config.node.name, mysqld.path, mysqld.version);

  io::Loop loop;
  DORSAL_TRY(auto store, open_store(loop, config));
  coord::ClusterStore cluster(*store);
  Counters counters;
  instance::MysqldInstance instance(loop, instance_options(config, mysqld.path));
  agent::Agent agent(agent_options(config, certificate), loop, cluster, instance, counters);
  io::Signals signals(loop, {SIGTERM, SIGINT, SIGHUP});
  std::unique_ptr<PeerApi> api;
  io::Scope scope(loop);
  const auto reload_server = [&] { scope.spawn(reload_tls(loop, instance)); };
  if (certificate) {
    DORSAL_TRY(api, PeerApi::start(config, *certificate, agent, loop, counters));
    agent.ask_through(api->peers());
    api->tell_when_taken_up(reload_server);
    scope.spawn(api->watch_certificates());
    scope.spawn(api->watch_peers());
  }
  coord::EventStore events(*store);
  agent.keep_diary_in(events);
  scope.spawn(obey_signals(signals, config, agent, api.get(), reload_server));
  return io::block_on(loop, agent.run());
}

}  // namespace dorsal::app
