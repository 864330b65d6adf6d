#include "edge/coord/etcd_address.h"

#include <fmt/format.h>

#include <algorithm>

namespace dorsal::coord {
namespace {

constexpr std::string_view kPlain = "etcd://";
constexpr std::string_view kTls = "etcds://";
constexpr std::string_view kDefaultPort = ":2379";
constexpr std::size_t kMostEndpoints = 16;
constexpr std::size_t kLongestPrefix = 255;

bool is_host(std::string_view host) {
  auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':';
  };
  return !host.empty() && std::all_of(host.begin(), host.end(), is_allowed);
}

Result<io::Endpoint> parse_one(std::string_view text) {
  const bool has_port = text.find(':', text.rfind(']') + 1) != std::string_view::npos;
  auto endpoint = io::parse_endpoint(fmt::format("{}{}", text, has_port ? "" : kDefaultPort));
  if (!endpoint || endpoint->is_unix() || endpoint->port == 0 || !is_host(endpoint->host)) {
    return invalid(fmt::format("has '{}' where host:port belongs", text));
  }
  return endpoint;
}

Result<std::vector<io::Endpoint>> parse_endpoints(std::string_view text) {
  std::vector<io::Endpoint> endpoints;
  if (text.empty()) return invalid("names no endpoint");
  for (;;) {
    const auto comma = text.find(',');
    DORSAL_TRY(auto endpoint, parse_one(text.substr(0, comma)));
    if (std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end()) {
      return invalid(fmt::format("names {} twice", io::to_string(endpoint)));
    }
    endpoints.push_back(std::move(endpoint));
    if (endpoints.size() > kMostEndpoints) {
      return invalid(fmt::format("names more than {} endpoints", kMostEndpoints));
    }
    if (comma == std::string_view::npos) return endpoints;
    text.remove_prefix(comma + 1);
  }
}

// Keys are compared byte by byte, so two spellings of one path would be two stores.
Result<std::string> parse_prefix(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  auto is_allowed = [](char c) { return c > ' ' && c < 0x7f; };
  if (text.find("//") != std::string_view::npos || text.size() > kLongestPrefix ||
      !std::all_of(text.begin(), text.end(), is_allowed)) {
    return invalid(fmt::format("has '{}' where a path of at most {} plain characters belongs",
                               text,
                               kLongestPrefix));
  }
  return std::string(text);
}

}  // namespace

bool EtcdAddress::is_loopback_only() const {
  return std::all_of(endpoints.begin(), endpoints.end(), [](const io::Endpoint& endpoint) {
    return endpoint.host == "localhost" || endpoint.host == "::1" ||
           (endpoint.host.starts_with("127.") &&
            endpoint.host.find_first_not_of("0123456789.") == std::string::npos);
  });
}

bool is_etcd_address(std::string_view text) {
  return text.starts_with(kPlain) || text.starts_with(kTls);
}

Result<EtcdAddress> parse_etcd_address(std::string_view text) {
  EtcdAddress address;
  if (!is_etcd_address(text)) return invalid("must begin with etcd:// or etcds://");
  address.uses_tls = text.starts_with(kTls);
  text.remove_prefix(address.uses_tls ? kTls.size() : kPlain.size());
  if (text.find_first_of("@?#") != std::string_view::npos) {
    return invalid("must be endpoints and a path alone; users, passwords and TLS have own keys");
  }
  const auto slash = std::min(text.find('/'), text.size());
  DORSAL_TRY(address.endpoints, parse_endpoints(text.substr(0, slash)));
  DORSAL_TRY(address.prefix, parse_prefix(text.substr(slash)));
  return address;
}

std::string to_url(const EtcdAddress& address, const io::Endpoint& endpoint) {
  return fmt::format("{}://{}", address.uses_tls ? "https" : "http", io::to_string(endpoint));
}

}  // namespace dorsal::coord
