// COM_CHANGE_USER: logs in again on the same connection.
//
//   11  user NUL  auth response length:1 bytes  schema NUL
//   collation:2  plug-in NUL (with PLUGIN_AUTH)  attributes (with CONNECT_ATTRS)
//
// The second line may be missing. The capabilities are those of the log-in.
//
// Source: MySQL Server documentation, "COM_CHANGE_USER"; parse_com_change_user_packet() in
// sql/auth/sql_authentication.cc of the server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/mysql/login_request.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {

struct ChangeUser {
  std::string user;
  std::string auth_response;    // raw bytes, at most 255
  std::string schema;           // empty: none
  std::uint16_t collation = 0;  // 0: the client sent none, the connection keeps its own
  std::string auth_plugin;      // empty: the client named none
  ConnectAttributes attributes;

  bool operator==(const ChangeUser&) const = default;
};

// The payload with its command byte. Corrupt when malformed.
Result<ChangeUser> decode_change_user(std::string_view payload, std::uint32_t capabilities);

std::string encode(const ChangeUser& request, std::uint32_t capabilities);

}  // namespace dorsal::mysql
