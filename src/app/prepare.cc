#include "app/prepare.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "app/endpoints.h"
#include "app/open_store.h"
#include "app/role_certificates.h"
#include "base/crypto.h"
#include "edge/coord/cluster_store.h"
#include "edge/instance/secrets.h"
#include "edge/io/certificates.h"
#include "edge/io/clock.h"
#include "edge/io/files.h"
#include "edge/io/scope.h"
#include "edge/peers/identity.h"

namespace dorsal::app {
namespace {

constexpr auto kStoreLimit = std::chrono::seconds(10);

Result<void> write_if_missing(const std::string& path, std::string_view text, mode_t mode) {
  if (io::exists(path)) return {};
  return io::write_file_atomically(path, text, mode);
}

Result<void> make_folders(const LocalCluster& cluster, const Marker& marker) {
  // An empty folder that was there before may have been open to all.
  if (::chmod(cluster.dir().c_str(), 0700) != 0) {
    return unavailable(fmt::format("{}: {}", cluster.dir(), io::system_error_text(errno)));
  }
  DORSAL_TRY_VOID(io::make_directories(cluster.secrets(), 0700));
  DORSAL_TRY_VOID(io::make_directories(cluster.tls(), 0700));
  DORSAL_TRY_VOID(io::make_directories(cluster.run(), 0700));
  DORSAL_TRY_VOID(io::make_directories(cluster.logs(), 0700));
  for (const auto& name : node_names(marker.nodes)) {
    DORSAL_TRY_VOID(io::make_directories(cluster.node_dir(name), 0700));
  }
  return {};
}

Result<void> make_secrets(const std::string& folder) {
  for (const char* file : instance::kSecretFiles) {
    DORSAL_TRY_VOID(write_if_missing(folder + "/" + file, random_password() + "\n", 0600));
  }
  return {};
}

bool has_certificate(const std::string& folder, const std::string& role) {
  return io::exists(certificate_file(folder, role)) && io::exists(key_file(folder, role));
}

// One half of an authority that has issued nothing is what a kill left behind; without its key, one
// that has issued certificates cannot be made whole again.
Result<void> make_authority(const io::AuthorityFiles& authority,
                            const Marker& marker,
                            bool has_issued) {
  bool has_certificate = io::exists(authority.certificate);
  bool has_key = io::exists(authority.key);
  if (has_certificate && has_key) return {};
  if (has_issued) {
    return invalid(fmt::format("{} is missing, so no certificate can be issued; put it back",
                               has_key ? authority.certificate : authority.key));
  }
  DORSAL_TRY_VOID(io::remove_tree(authority.certificate));
  DORSAL_TRY_VOID(io::remove_tree(authority.key));
  return io::create_authority(authority,
                              kAuthorityName,
                              peers::to_uri(peers::Identity::of_authority(marker.cluster)));
}

// Certificates that `up` made itself are made anew in time, or when an older version made them
// without saying whose they are. Those that a person has put there are left alone.
bool is_to_be_renewed(const std::string& folder, const std::string& role, const Marker& marker) {
  const auto file = certificate_file(folder, role);
  auto facts = io::read_certificate(file);
  if (!facts) return false;
  auto identity = peers::parse_identity(facts->uris);
  if (identity) {
    return *identity == identity_of(marker.cluster, role) &&
           is_due_for_renewal(*facts, io::wall_ms() / 1000);
  }
  return role != kProxyRole && facts->uris.empty() && facts->common_name == role &&
         io::check_issuer(file, io::AuthorityFiles::in(folder).certificate);
}

Result<void> issue(const std::string& folder,
                   const std::vector<std::string>& roles,
                   const Marker& marker) {
  for (const auto& role : roles) {
    auto request = request_for(folder, role, marker.cluster, {"127.0.0.1", "localhost"});
    DORSAL_TRY_VOID(io::issue_certificate(io::AuthorityFiles::in(folder), request));
  }
  return {};
}

Result<void> make_certificates(const std::string& folder, const Marker& marker) {
  auto roles = node_names(marker.nodes);
  roles.push_back(kProxyRole);
  std::vector<std::string> missing;
  std::vector<std::string> due;
  for (const auto& role : roles) {
    if (!has_certificate(folder, role)) {
      missing.push_back(role);
    } else if (is_to_be_renewed(folder, role, marker)) {
      due.push_back(role);
    }
  }
  auto authority = io::AuthorityFiles::in(folder);
  if (!missing.empty()) {
    DORSAL_TRY_VOID(make_authority(authority, marker, missing.size() < roles.size()));
    DORSAL_TRY_VOID(issue(folder, missing, marker));
  }
  // Where the key has been taken away, certificates are renewed elsewhere.
  return io::exists(authority.key) ? issue(folder, due, marker) : Result<void>();
}

Result<void> make_configs(const UpPlan& plan, const UpOptions& options) {
  for (int number = 1; number <= plan.marker.nodes; ++number) {
    DORSAL_TRY_VOID(write_if_missing(plan.cluster.node_config(node_name(number)),
                                     node_config_text(plan.marker, number, options),
                                     0600));
  }
  return write_if_missing(plan.cluster.config(), proxy_config_text(plan.marker), 0600);
}

Result<void> make_client_options(const UpPlan& plan) {
  if (io::exists(plan.cluster.client_options())) return {};
  const auto& config = plan.proxy.config;
  DORSAL_TRY(auto password, instance::load_secret(config.secrets, instance::kAppSecret));
  auto text =
      client_options_text(password, reachable_host(config.proxy.listen), config.proxy.split_port);
  return io::write_file_atomically(plan.cluster.client_options(), text, 0600);
}

// The charter stands in the store before the first agent starts, so all found the same cluster.
Result<void> found_cluster(const UpPlan& plan) {
  io::Loop loop;
  DORSAL_TRY(auto store, open_store(loop, plan.proxy.config));
  coord::ClusterStore cluster(*store);
  const auto& wanted = plan.proxy.config.cluster;
  cluster::Charter charter{wanted.name, plan.marker.cluster, wanted.mode, wanted.acks};
  auto deadline = loop.after(kStoreLimit);
  DORSAL_TRY(auto found, io::block_on(loop, cluster.found(std::move(charter), deadline)));
  if (found.uuid == plan.marker.cluster) return {};
  return invalid(
      fmt::format("{} is the store of another cluster than {} says; put the right one back",
                  wanted.store,
                  plan.cluster.marker()));
}

}  // namespace

std::string client_options_text(const std::string& password,
                                const std::string& host,
                                std::uint16_t port) {
  return fmt::format(
      "[client]\n"
      "user=app\n"
      "password=\"{}\"\n"
      "host={}\n"
      "port={}\n"
      "protocol=tcp\n",
      password,
      host,
      port);
}

Result<void> prepare(const UpPlan& plan, const UpOptions& options) {
  const auto& cluster = plan.cluster;
  // First, so that from here on the folder is ours whatever happens.
  DORSAL_TRY_VOID(write_if_missing(cluster.marker(), encode(plan.marker), 0600));
  for (const auto& path : leftovers(cluster)) DORSAL_TRY_VOID(io::remove_tree(path));
  DORSAL_TRY_VOID(make_folders(cluster, plan.marker));
  DORSAL_TRY_VOID(make_secrets(cluster.secrets()));
  DORSAL_TRY_VOID(make_certificates(cluster.tls(), plan.marker));
  DORSAL_TRY_VOID(make_configs(plan, options));
  DORSAL_TRY_VOID(make_client_options(plan));
  return found_cluster(plan);
}

}  // namespace dorsal::app
