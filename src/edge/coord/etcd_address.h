// Where an etcd cluster is, as the configuration writes it:
//
//   etcd://HOST:PORT[,HOST:PORT…][/PREFIX]     plain HTTP
//   etcds://HOST:PORT[,HOST:PORT…][/PREFIX]    TLS
//
// The port may be left out: 2379. An IPv6 address stands in brackets. A user, a password and
// options have keys of their own in the configuration, so '@', '?' and '#' are refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "edge/io/endpoint.h"

namespace dorsal::coord {

struct EtcdAddress {
  bool uses_tls = false;
  std::vector<io::Endpoint> endpoints;  // at least one, none twice
  std::string prefix;                   // "/dorsal/shop", never with a '/' at its end; or empty

  bool is_loopback_only() const;
};

// True for a text that means to be such an address, right or wrong.
bool is_etcd_address(std::string_view text);

// Invalid, with the words that follow "the address …": "names no endpoint".
Result<EtcdAddress> parse_etcd_address(std::string_view text);

// "http://db1:2379"
std::string to_url(const EtcdAddress& address, const io::Endpoint& endpoint);

}  // namespace dorsal::coord
