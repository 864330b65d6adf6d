#include "service/proxy/errors.h"

#include <fmt/format.h>

namespace dorsal::proxy::errors {

using mysql::ErrPacket;

ErrPacket too_many_clients() { return {1040, "08004", "Too many connections"}; }

ErrPacket too_many_from_address(std::string_view address) {
  return {1040, "08004", fmt::format("Dorsal: too many connections from address '{}'", address)};
}

ErrPacket too_many_of_user(std::string_view user) {
  return {
      1203,
      "42000",
      fmt::format("User {} already has more than 'max_user_connections' active connections", user)};
}

ErrPacket account_locked(std::string_view user, std::string_view host) {
  return {kAccountLocked,
          "HY000",
          fmt::format("Access denied for user '{}'@'{}'. Account is locked.", user, host)};
}

ErrPacket malformed_packet() { return {1835, "HY000", "Malformed communication packet."}; }

ErrPacket unknown_command() { return {1047, "08S01", "Unknown command"}; }

// Whatever the command was, servers name the one function that looks statements up.
ErrPacket unknown_statement(std::uint32_t id) {
  return {1243,
          "HY000",
          fmt::format("Unknown prepared statement handler ({}) given to mysql_stmt_precheck", id)};
}

ErrPacket no_open_cursor(std::uint32_t statement_id) {
  return {1421, "HY000", fmt::format("The statement ({}) has no open cursor.", statement_id)};
}

ErrPacket interrupted() { return {1317, "70100", "Query execution was interrupted"}; }

ErrPacket must_be_prepared_again() {
  return {1615, "HY000", "Prepared statement needs to be re-prepared"};
}

ErrPacket too_many_statements(std::size_t limit) {
  return {1461,
          "42000",
          fmt::format("Can't create more than max_prepared_stmt_count statements (current value: "
                      "{})",
                      limit)};
}

ErrPacket unknown_thread(std::uint64_t id) {
  return {1094, "HY000", fmt::format("Unknown thread id: {}", id)};
}

ErrPacket not_owner(std::uint64_t id) {
  return {1095, "HY000", fmt::format("You are not owner of thread {}", id)};
}

ErrPacket wrong_value(std::string_view variable, std::string_view value) {
  return {kWrongValue,
          "42000",
          fmt::format("Variable '{}' can't be set to the value of '{}'", variable, value)};
}

ErrPacket not_in_transaction(std::string_view variable) {
  return {1766,
          "HY000",
          fmt::format("The system variable {} cannot be set when there is an ongoing transaction.",
                      variable)};
}

ErrPacket unknown_variable(std::string_view variable) {
  return {1193, "HY000", fmt::format("Unknown system variable '{}'", variable)};
}

ErrPacket only_alone(std::string_view what) {
  return {1235,
          "42000",
          fmt::format("Dorsal: {} works only with plain values, and as the only statement", what)};
}

ErrPacket idle_for_too_long() {
  return {4031,
          "HY000",
          "The client was disconnected by the server because of inactivity. See wait_timeout and "
          "interactive_timeout for configuring this behavior."};
}

ErrPacket no_primary(std::string_view why) {
  return {1053, "08S01", fmt::format("Dorsal: no primary can be reached ({})", why)};
}

ErrPacket no_replica(std::string_view why) {
  return {1053, "08S01", fmt::format("Dorsal: no replica can serve this read ({})", why)};
}

ErrPacket pool_exhausted(std::string_view why) {
  return {1040, "08004", fmt::format("Too many connections (Dorsal: {})", why)};
}

ErrPacket outcome_unknown(std::string_view why) {
  return {1053,
          "08007",
          fmt::format("Dorsal: the connection to the primary was lost while the statement ran; it "
                      "is unknown whether it took effect{}{}{}",
                      why.empty() ? "" : " (",
                      why,
                      why.empty() ? "" : ")")};
}

ErrPacket answer_lost(std::string_view gtid) {
  return {1105,
          "HY000",
          fmt::format("Dorsal: the statement took effect and was committed as {}, but what the "
                      "primary said of it was lost with the connection; do not repeat it",
                      gtid)};
}

ErrPacket not_committed() {
  return {1213,
          "40001",
          "Dorsal: the connection to the primary was lost and the statement did not take effect; "
          "try restarting transaction"};
}

ErrPacket transaction_lost() {
  return {1213,
          "40001",
          "Dorsal: the connection to the primary was lost and the transaction was rolled back; try "
          "restarting transaction"};
}

ErrPacket read_only_transaction() {
  return {1792, "25006", "Cannot execute statement in a READ ONLY transaction."};
}

ErrPacket not_on_replica() {
  return {1792,
          "25006",
          "Dorsal: only the primary can run this, and this READ ONLY transaction reads from a "
          "replica; begin it with /* dorsal: primary */ START TRANSACTION READ ONLY"};
}

ErrPacket session_lost() {
  return {
      1053,
      "08S01",
      "Dorsal: the connection to the primary was lost, and with it what this session held there "
      "(temporary tables, locks or variables)"};
}

}  // namespace dorsal::proxy::errors
