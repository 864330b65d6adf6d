// The errors that the proxy itself gives to clients; a server's own are passed on untouched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/mysql/reply.h"

namespace dorsal::proxy {

namespace errors {

mysql::ErrPacket too_many_clients();                                              // 1040
mysql::ErrPacket too_many_from_address(std::string_view address);                 // 1040
mysql::ErrPacket too_many_of_user(std::string_view user);                         // 1203
mysql::ErrPacket account_locked(std::string_view user, std::string_view host);    // 3118
mysql::ErrPacket malformed_packet();                                              // 1835
mysql::ErrPacket unknown_command();                                               // 1047
mysql::ErrPacket unknown_statement(std::uint32_t id);                             // 1243
mysql::ErrPacket no_open_cursor(std::uint32_t statement_id);                      // 1421
mysql::ErrPacket interrupted();                                                   // 1317
mysql::ErrPacket must_be_prepared_again();                                        // 1615
mysql::ErrPacket too_many_statements(std::size_t limit);                          // 1461
mysql::ErrPacket unknown_thread(std::uint64_t id);                                // 1094
mysql::ErrPacket not_owner(std::uint64_t id);                                     // 1095
mysql::ErrPacket wrong_value(std::string_view variable, std::string_view value);  // 1231
mysql::ErrPacket not_in_transaction(std::string_view variable);                   // 1766
mysql::ErrPacket unknown_variable(std::string_view variable);                     // 1193

// What the proxy carries out itself cannot be one of several statements in a text.
inline constexpr std::string_view kOwnVariables = "setting dorsal_… or session_track_… variables";
mysql::ErrPacket only_alone(std::string_view what);  // 1235, 42000

// The account may not log in, or may no longer.
inline constexpr std::uint16_t kWrongValue = 1231;
inline constexpr std::uint16_t kAccessDenied = 1045;
inline constexpr std::uint16_t kAccountLocked = 3118;
inline bool is_denial(const mysql::ErrPacket& err) {
  return err.code == kAccessDenied || err.code == kAccountLocked;
}

// No server could be had in time; the statement was not sent.
inline constexpr std::uint16_t kNoServer = 1053;
// Nothing came from it for wait_timeout.
mysql::ErrPacket idle_for_too_long();
mysql::ErrPacket no_primary(std::string_view why);  // 1053, 08S01
mysql::ErrPacket no_replica(std::string_view why);  // 1053, 08S01

// ER_OPTION_PREVENTS_STATEMENT: a replica runs with --super-read-only. Nothing has been done.
inline constexpr std::uint16_t kReadOnlyServer = 1290;

// Every connection that the user may have to the server was in use for too long.
mysql::ErrPacket pool_exhausted(std::string_view why);  // 1040, 08004

// The connection to the primary was lost.
mysql::ErrPacket outcome_unknown(std::string_view why);  // 1053, 08007: it may have been committed
mysql::ErrPacket answer_lost(std::string_view gtid);     // 1105, HY000: it was committed
mysql::ErrPacket not_committed();                        // 1213, 40001: it was not
mysql::ErrPacket transaction_lost();  // 1213, 40001: rolled back, may be repeated as a whole
mysql::ErrPacket session_lost();      // 1053, 08S01: it held what cannot be made again
// A write in one, as a server says it.
mysql::ErrPacket read_only_transaction();
// What only the primary can do, in a read-only transaction that a replica has begun to serve.
mysql::ErrPacket not_on_replica();

}  // namespace errors

}  // namespace dorsal::proxy
