// For tests: binary logs, written down event by event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/mysql/gtid_set.h"

namespace dorsal::mysql {

inline const std::string kBinlogMagic(
    "\xfe"
    "bin");

// Little-endian.
inline std::string binlog_number(std::uint64_t value, std::size_t width) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

inline std::string binlog_event(int type, const std::string& body, std::uint32_t server = 1) {
  const auto number = static_cast<std::uint64_t>(type);
  return binlog_number(0, 4) + binlog_number(number, 1) + binlog_number(server, 4) +
         binlog_number(19 + body.size(), 4) + binlog_number(0, 4) + binlog_number(0, 2) + body;
}

// At the head of a transaction.
inline std::string binlog_gtid(const Uuid& uuid, std::uint64_t gno, std::uint32_t server = 1) {
  return binlog_event(33,
                      binlog_number(0, 1) + std::string(uuid.bytes.begin(), uuid.bytes.end()) +
                          binlog_number(gno, 8) + "the rest",
                      server);
}

// Behind it: BEGIN, or the one statement.
inline std::string binlog_query(std::uint32_t connection, const std::string& sql) {
  return binlog_event(2, binlog_number(connection, 4) + binlog_number(0, 4) + sql);
}

}  // namespace dorsal::mysql
