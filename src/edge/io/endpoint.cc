#include "edge/io/endpoint.h"

#include <charconv>

namespace dorsal::io {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

Error not_an_endpoint(std::string_view text, std::string_view why) {
  return invalid("not an address: \"" + std::string(text) + "\" " + std::string(why));
}

}  // namespace

Endpoint Endpoint::unix_socket(std::string path) {
  Endpoint endpoint;
  endpoint.unix_path = std::move(path);
  return endpoint;
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) {
    auto path = text.substr(kUnixPrefix.size());
    if (path.empty()) return not_an_endpoint(text, "has no path");
    return Endpoint::unix_socket(std::string(path));
  }
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return not_an_endpoint(text, "has no port (host:port)");
  auto host = text.substr(0, colon);
  auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return not_an_endpoint(text, "has no port between 0 and 65535");
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return not_an_endpoint(text, "needs brackets around an IPv6 address ([::1]:3306)");
  }
  return Endpoint(std::string(host), port);
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return std::string(kUnixPrefix) + endpoint.unix_path;
  auto port = ":" + std::to_string(endpoint.port);
  if (endpoint.host.find(':') != std::string::npos) return "[" + endpoint.host + "]" + port;
  return endpoint.host + port;
}

}  // namespace dorsal::io
