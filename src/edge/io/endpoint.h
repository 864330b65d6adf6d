// Where a server listens: host and port, or the path of a unix socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace dorsal::io {

struct Endpoint {
  std::string host;        // a name or an IP address without brackets; empty: any address
  std::uint16_t port = 0;  // 0: for a listener, any free port
  std::string unix_path;   // not empty: a unix socket, host and port do not count

  Endpoint() = default;
  Endpoint(std::string host_, std::uint16_t port_) : host(std::move(host_)), port(port_) {}
  static Endpoint unix_socket(std::string path);

  bool is_unix() const { return !unix_path.empty(); }
  bool operator==(const Endpoint&) const = default;
};

// "db1:3306", "10.0.0.1:3306", "[::1]:3306", "unix:/run/mysqld/mysqld.sock". Fails Invalid.
Result<Endpoint> parse_endpoint(std::string_view text);

// The same notation.
std::string to_string(const Endpoint& endpoint);

}  // namespace dorsal::io
