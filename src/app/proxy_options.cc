#include "app/proxy_options.h"

#include "base/log.h"
#include "edge/instance/secrets.h"
#include "edge/io/files.h"
#include "edge/io/tls.h"

namespace dorsal::app {
namespace {

struct TlsFiles {
  std::string authority;
  std::string certificate;
  std::string key;
};

TlsFiles tls_files(const Config& config) {
  return {config.tls + "/ca.pem", config.tls + "/proxy.pem", config.tls + "/proxy-key.pem"};
}

// Without files there is no TLS towards clients and servers, which the log says once.
Result<void> add_tls(const Config& config, proxy::Options& options) {
  const auto files = tls_files(config);
  if (!io::exists(files.authority) || !io::exists(files.certificate)) {
    log_warn("proxy", "tls=off reason=\"{} or {} is missing\"", files.authority, files.certificate);
    return {};
  }
  DORSAL_TRY(options.client_tls,
             io::TlsContext::server(files.certificate, files.key, files.authority));
  DORSAL_TRY(options.server_tls, io::TlsContext::client(io::TlsVerify::CaAndName, files.authority));
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
  options.loops = from.loops;
  DORSAL_TRY_VOID(add_tls(config, options));
  options.monitor_user = instance::kMonitorUser;
  DORSAL_TRY(options.monitor_password,
             instance::load_secret(config.secrets, instance::kMonitorSecret));
  return options;
}

std::vector<std::string> certificate_files(const Config& config) {
  const auto files = tls_files(config);
  return {files.authority, files.certificate, files.key};
}

}  // namespace dorsal::app
