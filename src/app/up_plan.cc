#include "app/up_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/config_keys.h"
#include "app/up_checks.h"
#include "edge/io/files.h"

namespace dorsal::app {
namespace {

Result<Marker> choose_marker(const UpOptions& options,
                             const Dir& dir,
                             const LocalCluster& cluster) {
  Marker marker = dir.marker.value_or(Marker());
  if (!dir.marker) marker.cluster = make_uuid();
  int nodes = options.nodes.value_or(marker.nodes);
  int port_base = options.port_base.value_or(marker.port_base);
  if (dir.marker && nodes != marker.nodes) {
    return invalid(
        fmt::format("{} holds a cluster of {} and cannot become one of {}; leave "
                    "--nodes out, or choose another --dir",
                    cluster.dir(),
                    count_of_nodes(marker.nodes),
                    nodes));
  }
  if (dir.marker && port_base != marker.port_base) {
    return invalid(
        fmt::format("{} was made with --port-base {}, and it cannot change to {}; edit "
                    "the ports in its configuration files instead",
                    cluster.dir(),
                    marker.port_base,
                    port_base));
  }
  marker.nodes = nodes;
  marker.port_base = port_base;
  return marker;
}

Result<Config> config_or(const std::string& file,
                         const std::string& text_if_missing,
                         const Environment& environment,
                         const Overrides& overrides) {
  if (io::exists(file)) return load_config(file, environment, overrides);
  return parse_config(text_if_missing, file, environment, overrides);
}

// For a node whose configuration stands already, the flags hold until it is stopped.
Overrides node_overrides(const UpOptions& options) {
  Overrides overrides;
  if (!options.mysqld.empty()) overrides.push_back("node.mysqld=" + options.mysqld);
  if (!options.buffer_pool.empty()) overrides.push_back("node.buffer_pool=" + options.buffer_pool);
  return overrides;
}

std::vector<std::string> as_flags(const Overrides& overrides) {
  std::vector<std::string> flags;
  for (const auto& override_text : overrides) {
    flags.push_back("--set");
    flags.push_back(override_text);
  }
  return flags;
}

Role make_role(const LocalCluster& cluster,
               const std::string& name,
               const std::string& run_folder) {
  bool is_proxy = name == kProxyRole;
  return Role{name,
              is_proxy ? "proxy" : "node",
              is_proxy ? cluster.config() : cluster.node_config(name),
              lock_file(run_folder, name),
              cluster.log(name)};
}

Result<PlannedRole> plan_node(const LocalCluster& cluster,
                              const Marker& marker,
                              int number,
                              const UpOptions& options,
                              const Environment& environment) {
  auto name = node_name(number);
  auto overrides = node_overrides(options);
  DORSAL_TRY(auto config,
             config_or(cluster.node_config(name),
                       node_config_text(marker, number, options),
                       environment,
                       overrides));
  PlannedRole planned{make_role(cluster, name, config.run), std::move(config), false};
  planned.role.arguments = as_flags(overrides);
  planned.runs = running_pid(planned.role).has_value();
  return planned;
}

Result<PlannedRole> plan_proxy(const LocalCluster& cluster,
                               const Marker& marker,
                               const Environment& environment) {
  DORSAL_TRY(auto config, config_or(cluster.config(), proxy_config_text(marker), environment, {}));
  PlannedRole planned{make_role(cluster, kProxyRole, config.run), std::move(config), false};
  planned.runs = running_pid(planned.role).has_value();
  return planned;
}

// Names in a path keep YAML's meaning only within quotes.
std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

}  // namespace

Result<UpPlan> plan_up(const UpOptions& options, const Environment& environment) {
  auto folder = std::filesystem::absolute(options.dir).lexically_normal().string();
  if (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  LocalCluster cluster(folder);
  DORSAL_TRY(auto dir, look_at(cluster));
  DORSAL_TRY(auto marker, choose_marker(options, dir, cluster));
  std::vector<PlannedRole> nodes;
  for (int number = 1; number <= marker.nodes; ++number) {
    DORSAL_TRY(auto node, plan_node(cluster, marker, number, options, environment));
    nodes.push_back(std::move(node));
  }
  DORSAL_TRY(auto proxy, plan_proxy(cluster, marker, environment));
  UpPlan plan{std::move(cluster), std::move(marker), std::move(nodes), std::move(proxy)};
  DORSAL_TRY_VOID(check_machine(plan, environment));
  return plan;
}

std::vector<Role> roles_of(const LocalCluster& cluster,
                           const Marker& marker,
                           const Environment& environment) {
  auto role = [&](const std::string& name, const std::string& config_file) {
    auto config = load_config(config_file, environment, {});
    return make_role(cluster, name, config ? config->run : cluster.run());
  };
  std::vector<Role> roles;
  for (const auto& name : node_names(marker.nodes)) {
    roles.push_back(role(name, cluster.node_config(name)));
  }
  roles.push_back(role(kProxyRole, cluster.config()));
  return roles;
}

std::string proxy_config_text(const Marker& marker) {
  int base = marker.port_base;
  return fmt::format(
      "# The proxy and the admin page of this cluster. Every key is described in\n"
      "# docs/configuration.md; what is not set here has its default.\n"
      "cluster:\n"
      "  store: sqlite://store.db\n"
      "proxy:\n"
      "  split_port: {}\n"
      "  primary_port: {}\n"
      "  replicas_port: {}\n"
      "admin:\n"
      "  sql_port: {}\n"
      "  http_port: {}\n"
      "secrets: secrets\n"
      "tls: tls\n"
      "run: run\n",
      base + 3,
      base + 4,
      base + 5,
      base + 2,
      base + 8);
}

std::string node_config_text(const Marker& marker, int number, const UpOptions& options) {
  auto text = fmt::format(
      "# One node of the cluster. Every key is described in docs/configuration.md.\n"
      "cluster:\n"
      "  store: sqlite://../store.db\n"
      "node:\n"
      "  name: {}\n"
      "  address: 127.0.0.1:{}\n"
      "  dir: .\n",
      node_name(number),
      node_port(marker.port_base, number));
  if (!options.mysqld.empty()) {
    auto is_path = options.mysqld.find('/') != std::string::npos;
    auto path = is_path ? std::filesystem::absolute(options.mysqld).lexically_normal().string()
                        : options.mysqld;
    text += fmt::format("  mysqld: {}\n", in_quotes(path));
  }
  if (!options.buffer_pool.empty()) {
    text += fmt::format("  buffer_pool: {}\n", in_quotes(options.buffer_pool));
  }
  return text + "secrets: ../secrets\ntls: ../tls\nrun: ../run\n";
}

}  // namespace dorsal::app
