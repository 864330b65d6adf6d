// Addresses of web servers, as the configuration writes them:
//
//   http://HOST[:PORT][/PATH]      https://HOST[:PORT][/PATH]
//
// The port may be left out: 80 and 443. An IPv6 address stands in brackets. A user, a password and
// fragments are refused. PATH is sent as it is, with its query.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "edge/io/endpoint.h"

namespace dorsal::io {

struct Url {
  bool uses_tls = false;
  Endpoint endpoint;
  std::string path;  // begins with '/'
};

// Invalid, with the words that follow "the address …".
Result<Url> parse_url(std::string_view text);

}  // namespace dorsal::io
