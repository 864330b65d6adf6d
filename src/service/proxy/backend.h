// One connection to one server, and what holds on it.
//
// Connections belong to pools and are lent to sessions, one at a time. What a session has made of
// its connection stays there until another session needs it otherwise: bringing a connection from
// one session's state to another's means sending what differs, which mostly is nothing.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/deadline.h"
#include "base/result.h"
#include "base/secret.h"
#include "core/mysql/reply.h"
#include "core/mysql/reply_relay.h"
#include "core/sql/session_variables.h"
#include "edge/client/connection.h"
#include "edge/io/task.h"
#include "service/proxy/servers.h"
#include "service/proxy/session_state.h"

namespace dorsal::proxy {

struct LoopContext;
struct Shared;

// A host that never leaves this machine.
bool is_loopback(std::string_view host);

// What all of a proxy's connections say of themselves, see routing::OtherProxies.
mysql::ConnectAttributes attributes_of(const Shared& shared);

// A query whose answer is 0 once the server has executed the GTID set, 1 if not in time.
std::string wait_for_position(std::string_view gtids, Duration patience);

// Who a session logs in as, everywhere.
struct Identity {
  std::string user;
  Secret password;
  std::optional<Secret> native_sha1;
  std::uint32_t client_capabilities = 0;
  std::uint8_t collation = mysql::kDefaultCollation;
  bool needs_tls = false;  // the account may be refused without it
  // Another one when a connection that is opened now may have other rights than one from before,
  // see Accounts::connection_version().
  std::string account_version;
};

// Equal for those who can use each other's connections; tells nothing of the password.
std::string pool_key(const Identity& identity);

class Backend {
 public:
  struct Opened {
    std::unique_ptr<Backend> backend;         // null when refused
    std::optional<mysql::ErrPacket> refused;  // the server's own words
  };

  // Logs in, without a schema, and sets up tracking. The context and the server outlive the
  // Backend.
  static io::Task<Result<Opened>> open(LoopContext& context,
                                       Server& server,
                                       Identity identity,
                                       Deadline deadline);
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  Server& server() { return server_; }
  io::Stream& stream() { return connection_->stream(); }
  std::uint32_t capabilities() const { return connection_->capabilities(); }
  std::uint16_t login_status() const { return connection_->login_ok().status; }
  std::uint32_t connection_id() const { return connection_->greeting().connection_id; }
  mysql::ReplyRelay& inner() { return inner_; }  // for replies that no client sees

  // Runs a statement of the proxy's own. Nothing may be in flight. run() drops the rows.
  io::Task<Result<mysql::ReplySummary>> run(std::string sql, Deadline deadline);
  io::Task<Result<client::Reply>> query(std::string sql, Deadline deadline);

  // ---- What holds on it ----

  bool tells_all_gtids = false;  // that the server has executed, not only those of own writes
  sql::SessionVariables variables;
  std::string schema;                               // empty: none
  std::set<std::string> user_variables;             // names of those that may have a value
  std::uint32_t user_variables_owner = 0;           // the session they belong to
  std::uint64_t user_variables_version = 0;         // of that session's
  std::optional<std::uint64_t> last_insert_id = 0;  // empty: only the server knows, for the owner

  // The session that used it last, and what that session may still ask for.
  std::uint32_t owner = 0;
  std::uint64_t lease = 0;
  bool has_diagnostics = false;  // warnings or an error
  // Maybe of statements of which nobody can ask any more.
  bool has_old_diagnostics = false;
  bool has_counted_rows = false;  // of SQL_CALC_FOUND_ROWS
  bool is_spoilt = false;         // not fit for another session: close it
  // Code that nobody has seen has changed what the server tells of sessions: see track_again().
  bool is_blind = false;

  // What a session needs of it for one statement.
  struct Needs {
    std::uint32_t session = 0;  // its number
    bool user_variables = false;
    bool insert_id = false;  // what LAST_INSERT_ID() says matters
    bool all_gtids = false;  // it reads on a replica: tell how far that has come
  };

  // Whether nothing needs to be sent to bring it to the session's state.
  bool is_in_sync(const SessionState& state, const Needs& needs) const;

  // A SET that brings variables, and what else is needed, to the session's; empty when nothing
  // differs.
  std::string sync_command(const SessionState& state, const Needs& needs) const;
  // COM_INIT_DB to the session's schema; empty when it is there.
  std::string schema_command(const SessionState& state) const;
  void synced(const SessionState& state, const Needs& needs);

  // Has the server tell again what the proxy must know. Not in a transaction, where it refuses.
  io::Task<bool> track_again(Deadline deadline);

  // To be called when COM_RESET_CONNECTION has made it forget everything; gives the command that
  // must follow.
  std::string was_reset();

  // ---- Prepared statements, kept for whoever prepares the same text ----

  // A server decides by the executions of a statement which types its parameters have: after 1, 'x'
  // may be 0. So a client's statement goes on with one that served another only if both have always
  // been executed with the same types; else the kept one is closed and none is found.
  std::optional<std::uint32_t> find_statement(const PreparedText& text, const StatementUse& use);
  void keep_statement(std::shared_ptr<const PreparedText> text, std::uint32_t server_id);
  void close_statement(const PreparedText& text);

  // Takes the COM_STMT_CLOSE commands that have gathered, to be sent in front of the next command;
  // they have no reply.
  std::string take_closes() { return std::exchange(closes_, {}); }

  // What a session begins with now is what it began with; for which see GlobalWatch.
  bool is_up_to_date() const { return global_changes_ == server_.global_changes; }

  TimePoint opened_at() const { return opened_at_; }
  TimePoint last_used() const { return last_used_; }
  void used(TimePoint now) { last_used_ = now; }

  bool is_alive() { return connection_->is_alive(); }

 private:
  bool has_user_variables_of(const SessionState& state, std::uint32_t session) const;

  struct KeptStatement {
    std::shared_ptr<const PreparedText> text;
    std::uint32_t server_id = 0;
    StatementUse use;
  };
  using KeptStatements = std::list<KeptStatement>;

  Backend(LoopContext& context,
          Server& server,
          std::uint64_t global_changes,
          std::unique_ptr<client::Connection> connection);

  io::Task<Result<std::optional<mysql::ErrPacket>>> set_up(Deadline deadline);

  LoopContext& context_;
  Server& server_;
  const std::uint64_t global_changes_;  // of the server, before the log-in
  std::unique_ptr<client::Connection> connection_;
  mysql::ClientTracking no_tracking_;
  mysql::ReplyRelay inner_;
  sql::InitialVariables initial_;
  KeptStatements statements_;  // the one used last stands first
  std::unordered_map<const PreparedText*, KeptStatements::iterator> statement_of_;
  std::string closes_;
  const TimePoint opened_at_;
  TimePoint last_used_;
};

}  // namespace dorsal::proxy
