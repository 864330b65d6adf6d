#include "service/proxy/session_state.h"

#include <algorithm>
#include <cstdlib>

namespace dorsal::proxy {
namespace {

// The status flags that belong to the session rather than to one statement.
constexpr std::uint16_t kSessionStatus =
    mysql::status::kInTransaction | mysql::status::kAutocommit |
    mysql::status::kNoBackslashEscapes | mysql::status::kInReadOnlyTransaction;

// User variables follow the session; everything else that pins lies on one connection.
bool tie_down(sql::Pins pins) { return pins.without(sql::Pin::UserVariable).any(); }

}  // namespace

void SessionState::start(std::string sql_mode, std::string charset, std::string schema) {
  initial_sql_mode_ = std::move(sql_mode);
  initial_charset_ = std::move(charset);
  schema_ = std::move(schema);
  reread_lexer_mode();
}

void SessionState::note_variable(const std::string& name, const std::string& value) {
  if (name == "autocommit") autocommit = value != "OFF" && value != "0";
  if (autocommit) has_locked_ = false;
  if (name == "transaction_read_only") reads_only = value == "ON" || value == "1";
  if (name == "wait_timeout") {
    const std::uint64_t seconds = std::strtoull(value.c_str(), nullptr, 10);
    wait_timeout = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(seconds, 1, 31536000));
  }
  if (!variables_.note(name, value)) return;
  if (name == "sql_mode" || name == "character_set_client") reread_lexer_mode();
}

void SessionState::reread_lexer_mode() {
  auto value = [&](const char* name, const std::string& initial) -> const std::string& {
    const std::string* found = variables_.find(name);
    return found == nullptr ? initial : *found;
  };
  lexer_mode_ = sql::lexer_mode(value("sql_mode", initial_sql_mode_),
                                value("character_set_client", initial_charset_));
}

void SessionState::note_status(std::uint16_t flags) { status = flags & kSessionStatus; }

void SessionState::note_transaction_state(std::string_view state) {
  has_locked_ = !autocommit && state != mysql::kNoTransaction;
}

void SessionState::note_failure() { has_locked_ |= !autocommit; }

void SessionState::forget_transaction() {
  beginning.clear();
  has_touched_something = false;
  has_locked_ = false;
  status = static_cast<std::uint16_t>(
      status & ~(mysql::status::kInTransaction | mysql::status::kInReadOnlyTransaction));
}

bool SessionState::is_tied() const {
  return in_transaction() || may_hold_locks() || has_next_transaction || reads_binlog ||
         open_statements > 0 || is_bound_by_prepared() || tie_down(pins);
}

bool SessionState::has_only_begun() const {
  if (!in_transaction() || beginning.empty() || has_touched_something) return false;
  return !may_hold_locks() && !has_next_transaction && !reads_binlog && open_statements == 0 &&
         !is_bound_by_prepared() && !tie_down(pins);
}

std::string_view SessionState::tie() const {
  if (in_transaction()) return "transaction";
  if (may_hold_locks()) return "implicit_transaction";
  if (has_next_transaction) return "set_transaction";
  if (reads_binlog) return "binlog";
  if (open_statements > 0) return "cursor_or_long_data";
  if (is_bound_by_prepared()) return "prepared_without_schema";
  for (int i = 0; i < sql::kPinCount; ++i) {
    const auto pin = static_cast<sql::Pin>(i);
    if (pin != sql::Pin::UserVariable && pins.has(pin)) return to_string(pin);
  }
  return {};
}

std::vector<std::string_view> SessionState::ties() {
  std::vector<std::string_view> all = {"transaction",
                                       "implicit_transaction",
                                       "set_transaction",
                                       "binlog",
                                       kDiagnosticsTie,
                                       "cursor_or_long_data",
                                       "prepared_without_schema"};
  for (int i = 0; i < sql::kPinCount; ++i) {
    const auto pin = static_cast<sql::Pin>(i);
    if (pin != sql::Pin::UserVariable) all.push_back(to_string(pin));
  }
  return all;
}

void SessionState::reset() {
  variables_.clear();
  consistency = usual_consistency;
  pins = sql::Pins();
  autocommit = true;
  has_locked_ = false;
  reads_only = false;
  reads_binlog = false;
  wait_timeout = usual_wait_timeout;
  has_next_transaction = false;
  status = static_cast<std::uint16_t>(mysql::status::kAutocommit);
  prepared.clear();
  open_statements = 0;
  prepared_without_schema = 0;
  last_ran_on_reader = false;
  tracking = mysql::ClientTracking();
  user_variables.clear();
  ++user_variables_version;
  has_unread_user_variables = false;
  temporary_tables.clear();
  last_insert_id = 0;
  ping_counts = PingCounts::Nothing;
  warnings = KeptWarnings();
  warning_count = 0;
  error.reset();
  has_signalled = false;
  row_count = 0;
  found_rows = 0;
  found_rows_elsewhere = false;
  reread_lexer_mode();
}

}  // namespace dorsal::proxy
