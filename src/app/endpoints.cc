#include "app/endpoints.h"

#include <fmt/format.h>

namespace dorsal::app {

std::string host_and_port(const std::string& host, std::uint16_t port) {
  bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string reachable_host(const std::string& listen) {
  if (listen == "0.0.0.0") return "127.0.0.1";
  if (listen == "::") return "::1";
  return listen;
}

admin::Endpoints endpoints_of(const Config& config) {
  auto proxy = reachable_host(config.proxy.listen);
  auto admin = reachable_host(config.admin.listen);
  return admin::Endpoints{host_and_port(proxy, config.proxy.split_port),
                          host_and_port(proxy, config.proxy.primary_port),
                          host_and_port(proxy, config.proxy.replicas_port),
                          host_and_port(admin, config.admin.sql_port),
                          host_and_port(admin, config.admin.http_port)};
}

}  // namespace dorsal::app
