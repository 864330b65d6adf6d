// The client's answer to the greeting (Protocol::HandshakeResponse41), and the short form of it
// that asks for TLS (Protocol::SSLRequest).
//
//   capabilities:4  max packet:4  collation:1  zeros:23            the SSLRequest ends here
//   user NUL
//   auth response    PLUGIN_AUTH_LENENC: lenenc string; SECURE_CONNECTION: length:1 bytes; else NUL
//   schema NUL       with CONNECT_WITH_DB
//   plug-in NUL      with PLUGIN_AUTH
//   attributes       with CONNECT_ATTRS: lenenc total, then lenenc name and value in turn
//   zstd level:1     with ZSTD_COMPRESSION
//
// Source: MySQL Server documentation, "Connection Phase", "Protocol::HandshakeResponse".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {

using ConnectAttributes = std::vector<std::pair<std::string, std::string>>;

struct LoginRequest {
  std::uint32_t capabilities = 0;
  std::uint32_t max_packet = 1U << 24;
  std::uint8_t collation = kDefaultCollation;
  std::string user;
  std::string auth_response;  // raw bytes, as the plug-in made them
  std::string schema;         // empty: none asked for
  std::string auth_plugin;    // empty: the client named none
  ConnectAttributes attributes;
  std::uint8_t zstd_level = 0;  // 0 without ZSTD_COMPRESSION

  bool operator==(const LoginRequest&) const = default;
};

// Invalid for the log-in of clients older than 4.1, Corrupt for anything else that is malformed.
Result<LoginRequest> decode_login_request(std::string_view payload);

// Writes the fields that `capabilities` announces and no others.
std::string encode(const LoginRequest& request);

// True for a payload that is an SSLRequest: 32 bytes with PROTOCOL_41 and SSL set.
bool is_ssl_request(std::string_view payload);

std::string encode_ssl_request(std::uint32_t capabilities,
                               std::uint32_t max_packet,
                               std::uint8_t collation);

// The attributes block, which COM_CHANGE_USER shares. Fails the reader when malformed.
ConnectAttributes read_attributes(Reader& reader);
void write_attributes(Writer& writer, const ConnectAttributes& attributes);

}  // namespace dorsal::mysql
