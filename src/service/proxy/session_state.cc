#include "service/proxy/session_state.h"

#include <algorithm>
#include <vector>

#include "core/sql/tracked.h"

namespace dorsal::proxy {

void SessionState::start(std::string sql_mode, std::string charset, std::string schema) {
  initial_sql_mode_ = std::move(sql_mode);
  initial_charset_ = std::move(charset);
  schema_ = std::move(schema);
  reread_lexer_mode();
}

void SessionState::note_variable(const std::string& name, const std::string& value) {
  if (name == "autocommit") {
    // It is a matter of the home connection alone: without it no read leaves home.
    autocommit = value != "OFF" && value != "0";
    return;
  }
  if (!sql::is_tracked(name)) return;
  // A new character set brings its own collation, which servers do not report.
  if (name == "character_set_connection") variables_.erase("collation_connection");
  auto [place, is_new] = variables_.try_emplace(name, value);
  if (!is_new && place->second == value) return;
  place->second = value;
  ++variables_version_;
  if (name == "sql_mode" || name == "character_set_client") reread_lexer_mode();
}

void SessionState::note_schema(const std::string& schema) {
  if (schema == schema_) return;
  schema_ = schema;
  ++schema_version_;
}

void SessionState::reread_lexer_mode() {
  auto value = [&](const char* name, const std::string& initial) -> const std::string& {
    auto found = variables_.find(name);
    return found == variables_.end() ? initial : found->second;
  };
  lexer_mode_ = sql::lexer_mode(value("sql_mode", initial_sql_mode_),
                                value("character_set_client", initial_charset_));
}

std::string SessionState::set_clauses() const {
  std::vector<std::pair<int, std::string>> ordered;
  for (const auto& [name, value] : variables_) {
    ordered.emplace_back(sql::carry_order(name), sql::set_clause(name, value));
  }
  std::sort(ordered.begin(), ordered.end());
  std::string clauses;
  for (const auto& [order, clause] : ordered) {
    if (!clauses.empty()) clauses += ", ";
    clauses += clause;
  }
  return clauses;
}

void SessionState::reset() {
  variables_.clear();
  ++variables_version_;
  consistency = usual_consistency;
  pins = sql::Pins();
  autocommit = true;
  prepared.clear();
  last_ran_on_reader = false;
  tracking = mysql::ClientTracking();
  reread_lexer_mode();
}

}  // namespace dorsal::proxy
