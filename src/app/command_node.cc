#include <csignal>
#include <utility>

#include "app/commands.h"
#include "app/find_mysqld.h"
#include "app/local_cluster.h"
#include "app/role.h"
#include "app/role_process.h"
#include "app/up_checks.h"
#include "base/counters.h"
#include "base/log.h"
#include "edge/coord/sqlite_store.h"
#include "edge/instance/mysqld_instance.h"
#include "edge/io/scope.h"
#include "edge/io/signals.h"
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
  options.buffer_pool_bytes = size_in_bytes(node.buffer_pool);
  options.settings.assign(node.settings.begin(), node.settings.end());
  return options;
}

agent::Options agent_options(const Config& config) {
  agent::Options options;
  options.node = cluster::NodeName(config.node.name);
  options.address = config.node.address;
  options.server_id = config.node.server_id;
  // Counts only if this node is the first ever; the store keeps what it was founded with.
  options.charter =
      cluster::Charter{config.cluster.name, make_uuid(), config.cluster.mode, config.cluster.acks};
  options.heartbeat = config.node.heartbeat;
  options.zone = config.node.zone;
  options.read_weight = config.node.read_weight;
  return options;
}

// Every further signal asks again, which does no harm.
io::Task<> stop_when_told(io::Signals& signals, agent::Agent& agent) {
  for (;;) {
    int signal = co_await signals.next();
    if (signal == 0) co_return;
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
  log_info("node", "node={} mysqld={} version={}", config.node.name, mysqld.path, mysqld.version);

  io::Loop loop;
  DORSAL_TRY(auto store, coord::SqliteStore::open(loop, config.cluster.store));
  coord::ClusterStore cluster(*store);
  Counters counters;
  instance::MysqldInstance instance(loop, instance_options(config, mysqld.path));
  agent::Agent agent(agent_options(config), loop, cluster, instance, counters);
  io::Signals signals(loop, {SIGTERM, SIGINT, SIGHUP});
  io::Scope scope(loop);
  scope.spawn(stop_when_told(signals, agent));
  return io::block_on(loop, agent.run());
}

}  // namespace dorsal::app
