#include "app/proxy_options.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/log.h"
#include "edge/instance/secrets.h"
#include "edge/io/files.h"
#include "edge/io/tls.h"

namespace dorsal::app {
namespace {

// Each client needs a file of its own. They share the connections to servers, which together with
// everything else get a tenth.
std::uint32_t clients_for_open_files() {
  constexpr std::uint64_t kOurs = 64;
  constexpr std::uint64_t kMost = 1'000'000;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t files = std::max<std::uint64_t>(limit.rlim_cur, 2 * kOurs);
  return static_cast<std::uint32_t>(std::min((files - kOurs) / 10 * 9, kMost));
}

std::string or_default(const std::string& file, const Config& config, const char* name) {
  return file.empty() ? config.tls + "/" + name : file;
}

struct TlsFiles {
  std::string authority;
  std::string certificate;
  std::string key;
};

TlsFiles client_files(const Config& config) {
  const auto& proxy = config.proxy;
  return {or_default(proxy.tls_client_ca, config, "ca.pem"),
          or_default(proxy.tls_certificate, config, "proxy.pem"),
          or_default(proxy.tls_key, config, "proxy-key.pem")};
}

// The folder's own certificate is shown only to servers that the folder's own authority vouches
// for: others may well refuse it.
TlsFiles server_files(const Config& config) {
  const auto& proxy = config.proxy;
  if (!proxy.server_tls_certificate.empty() || !proxy.server_tls_ca.empty()) {
    return {or_default(proxy.server_tls_ca, config, "ca.pem"),
            proxy.server_tls_certificate,
            proxy.server_tls_key};
  }
  return {config.tls + "/ca.pem", config.tls + "/proxy.pem", config.tls + "/proxy-key.pem"};
}

Result<void> check_pair(const std::string& certificate,
                        const std::string& key,
                        const std::string& prefix) {
  if (certificate.empty() == key.empty()) return {};
  return invalid(
      fmt::format("'{0}_certificate' and '{0}_key' go together; set both or neither", prefix));
}

// Without a certificate there is no TLS to offer, which the log says, unless it was asked for.
Result<void> add_client_tls(const Config& config, proxy::Options& options) {
  const auto& proxy = config.proxy;
  DORSAL_TRY_VOID(check_pair(proxy.tls_certificate, proxy.tls_key, "proxy.tls"));
  if (proxy.tls_mode == ClientTls::Off) return {};
  auto files = client_files(config);
  const bool is_asked_for = proxy.tls_mode == ClientTls::Required || !proxy.tls_certificate.empty();
  if (!is_asked_for && !io::exists(files.certificate)) {
    log_warn("proxy", "client_tls=off reason=\"{} is missing\"", files.certificate);
    return {};
  }
  if (proxy.tls_client_ca.empty() && !io::exists(files.authority)) files.authority.clear();
  DORSAL_TRY(options.client_tls,
             io::TlsContext::server(files.certificate, files.key, files.authority));
  options.client_tls_required = proxy.tls_mode == ClientTls::Required;
  return {};
}

Result<void> add_server_tls(const Config& config, proxy::Options& options) {
  const auto& proxy = config.proxy;
  DORSAL_TRY_VOID(
      check_pair(proxy.server_tls_certificate, proxy.server_tls_key, "proxy.server_tls"));
  if (proxy.server_tls == ServerTls::Off) return {};
  auto files = server_files(config);
  // Without one of its own, the system's authorities count.
  if (proxy.server_tls_ca.empty() && !io::exists(files.authority)) files.authority.clear();
  if (proxy.server_tls_certificate.empty() && !io::exists(files.certificate)) {
    files.certificate.clear();
  }
  const auto verify =
      proxy.server_tls == ServerTls::Verified ? io::TlsVerify::CaAndName : io::TlsVerify::None;
  DORSAL_TRY(options.server_tls,
             io::TlsContext::client(verify, files.authority, files.certificate, files.key));
  return {};
}

}  // namespace

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
  options.zone = from.zone;
  options.split_max_lag = from.split_max_lag;
  options.replicas_max_lag = from.replicas_max_lag;
  options.pools.maximum = from.pool_max;
  options.pools.minimum = from.pool_min;
  options.pools.reserve = from.pool_reserve;
  options.pools.wait = from.pool_wait;
  options.pools.debug_swap = from.debug_swap_connections;
  options.client_compression = from.compression;
  options.server_compression = from.server_compression;
  options.loops = from.loops;
  options.proxy_protocol_from = from.proxy_protocol_from;
  options.max_clients = from.max_clients != 0 ? from.max_clients : clients_for_open_files();
  options.max_clients_per_user = from.max_clients_per_user;
  options.max_clients_per_address = from.max_clients_per_address;
  options.max_logins = from.max_logins;
  DORSAL_TRY_VOID(add_client_tls(config, options));
  DORSAL_TRY_VOID(add_server_tls(config, options));
  options.monitor_user = instance::kMonitorUser;
  DORSAL_TRY(auto password, instance::load_secret(config.secrets, instance::kMonitorSecret));
  options.monitor_password = Secret(password);
  wipe(password);
  return options;
}

std::vector<std::string> certificate_files(const Config& config) {
  std::vector<std::string> all;
  for (const auto& files : {client_files(config), server_files(config)}) {
    for (const auto& file : {files.authority, files.certificate, files.key}) {
      if (!file.empty()) all.push_back(file);
    }
  }
  return all;
}

}  // namespace dorsal::app
