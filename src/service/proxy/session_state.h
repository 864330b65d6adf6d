// What a client has made of its session, so that it holds on every connection the session uses.
//
// Filled from the servers' own session trackers, not from the text of statements; where trackers
// are blind, from what the tokeniser saw. Plain data of one session on one loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/mysql/column.h"
#include "core/mysql/protocol.h"
#include "core/mysql/reply_relay.h"
#include "core/routing/position.h"
#include "core/sql/consistency.h"
#include "core/sql/identity_query.h"
#include "core/sql/lexer.h"
#include "core/sql/session_variables.h"
#include "core/sql/statement.h"

namespace dorsal::proxy {

// A text that was prepared, and what gave it its meaning then. Shared by all sessions that prepare
// the same, so that its address stands for it.
struct PreparedText {
  std::string sql;
  std::string schema;
  sql::SessionVariables variables;
};

// How a prepared statement has been executed, and by whom.
struct StatementUse {
  std::uint64_t user = 0;  // one client's statement; 0: nobody's
  std::string types;       // of the parameters, as last sent
  bool is_uniform = true;  // they were always the same
};

// A prepared statement as the client knows it.
struct Prepared {
  std::shared_ptr<const PreparedText> text;
  sql::Statement statement;
  sql::IdentityQuery identity;  // what its rows tell that is not about clients
  std::uint16_t parameters = 0;
  StatementUse use;
  bool has_long_data = false;              // some of it lies on the home connection
  bool has_cursor = false;                 // its rows lie on the home connection
  std::shared_ptr<mysql::RowEditor> rows;  // what those go through, if anything
};

// What SHOW WARNINGS would say, kept when the connection it was said on went to somebody else.
struct KeptWarnings {
  std::vector<mysql::Column> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
};

class SessionState {
 public:
  // A variable that a server reported as changed. Guarded ones are not carried over.
  void note_variable(const std::string& name, const std::string& value);
  void note_schema(const std::string& schema) { schema_ = schema; }

  const sql::SessionVariables& variables() const { return variables_; }
  const std::string& schema() const { return schema_; }

  // How the session's statements are to be read.
  sql::LexerMode lexer_mode() const { return lexer_mode_; }
  void start(std::string sql_mode, std::string charset, std::string schema);

  // The flags of a server's OK, as far as they belong to the session.
  void note_status(std::uint16_t flags);
  // The same of the transaction's state that its trackers tell. Locks of tables begin with it.
  void note_transaction_state(std::string_view state);
  // A statement has failed, and nothing tells which tables it has locked before.
  void note_failure();
  // The transaction, if any, ended without trackers that said so.
  void forget_transaction();
  void forget_locks() { has_locked_ = false; }

  // Without autocommit, what a statement has locked against changes of its definition is locked
  // until a transaction ends, also where the server does not say that one has begun: behind a
  // statement that has failed, or that has read only what knows no transactions.
  bool may_hold_locks() const { return has_locked_ && !autocommit; }

  // As of the last OK.
  bool in_transaction() const { return (status & mysql::status::kInTransaction) != 0; }

  // Whether it must go on over the connection that it has.
  bool is_tied() const;
  // Only by a transaction that can begin anew elsewhere, and nobody would notice.
  bool has_only_begun() const;
  // Why, for counters and for SHOW STATUS; empty when it is not.
  std::string_view tie() const;
  // A statement is prepared again wherever it is executed, under the schema that it was prepared
  // under first. One without a schema can be had only where none was ever selected, since no
  // command takes a schema away; so a session that has selected one stays where it has prepared it.
  bool is_bound_by_prepared() const { return prepared_without_schema > 0 && !schema_.empty(); }
  static std::vector<std::string_view> ties();  // all that tie() can say, and this:
  static constexpr std::string_view kDiagnosticsTie = "diagnostics";

  // COM_RESET_CONNECTION and COM_CHANGE_USER.
  void reset();

  sql::Consistency usual_consistency =
      sql::Consistency::Global;                             // the port's; reset() returns to it
  sql::Consistency consistency = sql::Consistency::Global;  // in force for the session
  sql::Pins pins;
  bool autocommit = true;
  bool reads_only = false;                   // transaction_read_only
  std::uint32_t wait_timeout = 28800;        // in force, in seconds
  std::uint32_t usual_wait_timeout = 28800;  // what the session began with; reset() returns to it
  bool reads_binlog = false;                 // as a replica does; its server knows it as one
  // Of an open transaction, as the tracker says: what begins it again, and whether it has done more
  // than to begin.
  std::string beginning;
  bool has_touched_something = false;
  bool has_next_transaction = false;  // SET TRANSACTION is still to be used up
  std::uint16_t status = 0x0002;      // the flags of the last OK
  bool last_ran_on_reader = false;
  bool has_read_replica = false;   // and may have seen there what the primary does not show yet
  bool has_read_primary = false;   // and may have seen more there than `own` tells
  routing::Position own;           // what this session's own writes and reads have seen
  mysql::ClientTracking tracking;  // which session changes the client wants to see

  // Assignments that bring the session's user variables back; of those that a statement may have
  // assigned to and that have not been read back from the server yet, an empty one.
  std::map<std::string, std::string> user_variables;
  std::uint64_t user_variables_version = 0;  // counts assignments
  bool has_unread_user_variables = false;

  // "schema.table"; an empty name stands for those that nobody has seen being made.
  std::set<std::string> temporary_tables;

  std::uint64_t last_insert_id = 0;  // unless a connection knows better, see Backend
  // What the OK to a ping counts: the warnings of the last statement, but not behind SHOW WARNINGS.
  enum class PingCounts { Nothing, OneError, Warnings };
  PingCounts ping_counts = PingCounts::Nothing;
  std::optional<mysql::ErrPacket> error;  // that the last statement has ended with
  bool has_signalled = false;             // the last statement was a SIGNAL
  KeptWarnings warnings;                  // of a last statement whose connection has gone elsewhere
  std::uint64_t warning_count = 0;        // as its reply said: more than the server may have kept
  std::int64_t row_count = 0;             // as ROW_COUNT() and FOUND_ROWS() would say
  std::uint64_t found_rows = 0;
  // The connection of the last statement, which has failed, does not know it.
  bool found_rows_elsewhere = false;

  std::unordered_map<std::uint32_t, Prepared> prepared;
  std::uint32_t next_statement_id = 1;
  int open_statements = 0;          // that have a cursor or long data
  int prepared_without_schema = 0;  // of those in `prepared`

 private:
  void reread_lexer_mode();

  sql::SessionVariables variables_;
  std::string schema_;
  bool has_locked_ = false;
  std::string initial_sql_mode_;
  std::string initial_charset_;
  sql::LexerMode lexer_mode_;
};

}  // namespace dorsal::proxy
