// What a client has made of its session, so that it holds on every connection the session uses.
//
// Filled from the servers' own session trackers, not from the text of statements; where trackers
// are blind, from what the tokeniser saw. Plain data of one session on one loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/mysql/protocol.h"
#include "core/mysql/reply_relay.h"
#include "core/routing/position.h"
#include "core/sql/consistency.h"
#include "core/sql/lexer.h"
#include "core/sql/statement.h"

namespace dorsal::proxy {

// A prepared statement as the client knows it.
struct Prepared {
  std::string sql;
  sql::Statement statement;
  std::uint16_t parameters = 0;
  std::string types;           // of the parameters, as last sent
  bool has_long_data = false;  // some of it lies on the home connection
};

class SessionState {
 public:
  // A variable that a server reported as changed. Guarded ones are not carried over.
  void note_variable(const std::string& name, const std::string& value);
  void note_schema(const std::string& schema);

  // SET clauses for all changed variables, in the order in which they must be set; may be empty.
  std::string set_clauses() const;

  const std::string& schema() const { return schema_; }
  std::uint64_t variables_version() const { return variables_version_; }
  std::uint64_t schema_version() const { return schema_version_; }
  bool has_variables() const { return !variables_.empty(); }

  // How the session's statements are to be read.
  sql::LexerMode lexer_mode() const { return lexer_mode_; }
  void start(std::string sql_mode, std::string charset, std::string schema);

  // As of the last OK.
  bool in_transaction() const { return (status & mysql::status::kInTransaction) != 0; }

  // COM_RESET_CONNECTION and COM_CHANGE_USER.
  void reset();

  sql::Consistency usual_consistency =
      sql::Consistency::Global;                             // the port's; reset() returns to it
  sql::Consistency consistency = sql::Consistency::Global;  // in force for the session
  sql::Pins pins;
  bool autocommit = true;
  std::uint16_t status = 0x0002;  // the flags of the last OK
  bool last_ran_on_reader = false;
  bool several_is_off_on_readers = false;  // COM_SET_OPTION changed what readers were opened with
  routing::Position own;                   // what this session's own writes and reads have seen
  mysql::ClientTracking tracking;          // which session changes the client wants to see

  std::unordered_map<std::uint32_t, Prepared> prepared;
  std::uint32_t next_statement_id = 1;

 private:
  void reread_lexer_mode();

  std::map<std::string, std::string> variables_;
  std::uint64_t variables_version_ = 0;
  std::string schema_;
  std::uint64_t schema_version_ = 0;
  std::string initial_sql_mode_;
  std::string initial_charset_;
  sql::LexerMode lexer_mode_;
};

}  // namespace dorsal::proxy
