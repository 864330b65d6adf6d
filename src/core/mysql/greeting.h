// The first packet of a connection: the server introduces itself (Protocol::HandshakeV10).
//
//   0a  version NUL  connection id:4  nonce[0,8)  00  capabilities low:2  collation:1  status:2
//   capabilities high:2  nonce length + 1:1  zeros:10  nonce[8,20) 00  plug-in NUL
//
// Source: MySQL Server documentation, "Connection Phase", "Protocol::HandshakeV10".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {

inline constexpr std::size_t kNonceSize = 20;

struct Greeting {
  std::uint8_t protocol_version = 10;
  std::string server_version;
  std::uint32_t connection_id = 0;
  std::string nonce;  // kNonceSize bytes; the zero that ends it on the wire is not part of it
  std::uint32_t capabilities = 0;
  std::uint8_t collation = kDefaultCollation;
  std::uint16_t status = status::kAutocommit;
  std::string auth_plugin;  // empty when the server names none

  bool operator==(const Greeting&) const = default;
};

// A server may answer with an ERR packet instead (1040 too many connections, 1129 host blocked):
// its first byte is kErrMarker, and the caller looks at it first. Corrupt for everything that is
// not a greeting of protocol 10 with a nonce of 20 bytes.
Result<Greeting> decode_greeting(std::string_view payload);

std::string encode(const Greeting& greeting);

}  // namespace dorsal::mysql
