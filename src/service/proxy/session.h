// One client: from its first byte to its last.
//
// A session reads a command, decides where it runs, sends it there, relays the reply, and only then
// looks at the next command; a client that sends several at once gets its answers in order. For
// each command it borrows a connection: to its home (the primary, or on the replicas port a
// replica) or to a replica that serves a read. It keeps the one to its home as long as something
// ties it there: a transaction, a lock, a temporary table.
//
//   session.cc            the loop over commands
//   session_login.cc      log-in and COM_CHANGE_USER
//   session_home.cc       statements at home
//   session_loss.cc       what happens when home is lost
//   session_sharing.cc    connections that change hands, and what has to follow the session
//   session_reads.cc      reads on replicas
//   session_read_only.cc  read-only transactions on replicas
//   session_binlog.cc     the binary log for those who ask for it as replicas do
//   session_relay.cc      the bytes of commands and replies
//   session_statements.cc prepared statements
//   session_identity.cc   what is said of the client and of other clients
//   session_diagnostics.cc what can be asked about the last statement
//   session_local.cc      what the proxy answers itself
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/mysql/column.h"
#include "core/mysql/greeting.h"
#include "core/mysql/packet.h"
#include "core/mysql/reply.h"
#include "core/routing/read_only_transaction.h"
#include "core/routing/route.h"
#include "core/sql/diagnostics_query.h"
#include "core/sql/get_diagnostics.h"
#include "core/sql/set_statement.h"
#include "core/sql/statement.h"
#include "core/sql/temporary_tables.h"
#include "edge/io/event.h"
#include "edge/io/stream.h"
#include "edge/io/task.h"
#include "service/proxy/backend.h"
#include "service/proxy/entrance.h"
#include "service/proxy/identity_rows.h"
#include "service/proxy/lost_writes.h"
#include "service/proxy/pool.h"
#include "service/proxy/session_registry.h"
#include "service/proxy/session_state.h"
#include "service/proxy/shared.h"
#include "service/proxy/wait_turns.h"

namespace dorsal::mysql {
class ServerLogin;
struct ServerLoginOutcome;
}  // namespace dorsal::mysql

namespace dorsal::proxy {

// A command of the client, whole or, when it is very large, its beginning.
struct ClientCommand {
  mysql::Command command = mysql::Command::Quit;
  std::string payload;           // with the command byte
  bool is_whole = true;          // false: more of it waits at the client, see forward_rest()
  std::uint32_t frame_left = 0;  // not whole: bytes of its first packet still to come
  bool frame_is_full = false;    // not whole: that packet has another behind it
};

// Stands for a command of the protocol where a statement is wanted.
inline constexpr sql::Statement kNoStatement = [] {
  sql::Statement none;
  none.may_write = false;
  none.rule = "command";
  return none;
}();

class Session {
 public:
  Session(LoopContext& context, io::Stream client, routing::Listener listener);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  io::Task<> run();

  // Ends the session soon: whatever it waits for fails. On its own loop.
  void end();

  // For lists of sessions; empty before it has logged in. On its own loop.
  std::optional<SessionInfo> describe() const;

  // Another server is primary now. On the loop.
  void leave_deposed_primary();

 private:
  // Whether results have column definitions: a variable of clients that can do without.
  static constexpr std::string_view kResultsetMetadata = "resultset_metadata";

  // How a command ended. Closed: the client is gone, or must go.
  enum class Outcome { Answered, Closed };

  // A request for a server and how its reply is to be read.
  struct Request {
    std::string payload;
    mysql::ReplyShape shape = mysql::ReplyShape::Results;
    std::optional<std::uint32_t> statement_id;  // for Prepare: the client's number for it
    std::optional<std::uint32_t> executes;      // the client's number of the statement it names
    std::shared_ptr<const PreparedText> prepares;
    const ClientCommand* rest = nullptr;  // the client still has more of it to send
    bool may_write = true;
    bool asks_insert_id = true;               // what LAST_INSERT_ID() says there matters to it
    std::vector<std::string> user_variables;  // that it may assign to
    sql::TemporaryTables temporary_tables;
    bool never_goes_back = false;            // it reads nothing older than the session has seen
    bool prefers_last_reader = false;        // what ran there before has a say in its answer
    std::shared_ptr<mysql::RowEditor> rows;  // what its rows go through, if anything
    // Where home is a replica: what it reads must be at least this fresh. Empty: it reads nothing.
    std::optional<sql::Consistency> consistency;
  };
  // What is known of a request that was sent home.
  struct Attempt {
    bool was_sent = false;   // the server may have it
    bool is_broken = false;  // the connection failed before the client got anything
    // When it was sent; kept for what may commit something.
    std::shared_ptr<const ServerView> view;
    routing::Position told;
  };
  enum class RelayEnd {
    Answered,
    Closed,           // the client is gone, or has a part of a reply that has no end
    Broken,           // the server failed before the client got anything
    ReadOnly,         // a replica refused to write; the client got nothing
    PrimaryIsClosed,  // the primary takes no writes any more; nothing was done, the client got
                      // nothing
  };
  enum class ReaderOutcome {
    Answered,
    Closed,
    TimedOut,  // the replica did not get there in time: run it elsewhere
    NotThere,  // the replica failed before the client got anything: run it elsewhere
    ReadOnly,  // the server found that the statement writes: run it at home
  };

  // session.cc
  io::Task<Outcome> serve();
  io::Task<Result<ClientCommand>> read_command();
  io::Task<> tell_of_idleness();
  io::Task<Result<void>> fill_inbox(std::size_t wanted, Deadline deadline);
  io::Task<Outcome> handle(ClientCommand& command);
  static Request request_of(ClientCommand& command, mysql::ReplyShape shape);
  io::Task<Outcome> handle_query(ClientCommand& command);
  io::Task<Outcome> run_statement(const sql::Statement& statement,
                                  Request request,
                                  std::optional<sql::Consistency> wanted);
  routing::SessionView view_of_session() const;
  sql::Consistency level(const sql::Statement& statement,
                         std::optional<sql::Consistency> wanted) const;
  io::Task<Outcome> send_to_client(std::string_view bytes);
  io::Task<Outcome> send_ok(std::uint16_t warnings = 0, std::string schema = {});
  io::Task<Outcome> send_own_ok(mysql::OkPacket ok);
  io::Task<Outcome> send_err(mysql::ErrPacket err);
  io::Task<Outcome> refuse(mysql::ErrPacket err);
  io::Task<Outcome> fail(const sql::Statement& statement, mysql::ErrPacket err);
  io::Task<Outcome> send_rows(const std::vector<mysql::Column>& columns,
                              const std::vector<std::vector<std::optional<std::string>>>& rows,
                              std::uint16_t warnings = 0,
                              bool has_more = false);

  io::Task<Outcome> send_ok_ending_rows();
  bool leaves_out_metadata() const;

  // session_login.cc
  io::Task<bool> arrive(Deadline deadline);
  io::Task<bool> log_in();
  io::Task<bool> converse_login(mysql::ServerLogin& login, Deadline deadline);
  void answer_login(mysql::ServerLogin& login);
  void take_identity(const mysql::ServerLogin& login, mysql::ServerLoginOutcome outcome);
  void start_compression(const mysql::ServerLogin& login);
  io::Task<bool> finish_login(mysql::ServerLogin& login, Deadline deadline);
  io::Task<Outcome> change_user(const ClientCommand& command);
  io::Task<bool> deny(mysql::ErrPacket err);
  void take_account();
  void use_identity();
  void forget_state();
  void return_to_defaults();
  io::Task<bool> renew_identity(Deadline deadline);
  io::Task<std::optional<mysql::ErrPacket>> reach_servers(bool is_verified, Deadline deadline);
  io::Task<std::optional<mysql::ErrPacket>> verify(Deadline deadline);
  io::Task<bool> log_in_on_replica();
  mysql::Greeting make_greeting() const;

  // session_home.cc
  bool has_home_again();
  Duration drain() const;
  io::Task<std::optional<mysql::ErrPacket>> ensure_home(Deadline deadline);
  io::Task<std::optional<mysql::ErrPacket>> borrow_home(Server& server, Deadline deadline);
  void settle_at(Borrowed borrowed);
  Server* pick_home();
  bool home_is_still_right() const;
  bool is_closed_on_purpose(const Server& server) const;
  io::Task<bool> learns_why_home_is_closed();
  io::Task<std::optional<mysql::ErrPacket>> catch_up_home(const Request& request);
  io::Task<> catch_up_primary();
  io::Task<bool> wait_at_home(const routing::Position& position, Duration patience);
  io::Task<bool> move_home(const routing::Position& position);
  io::Task<Outcome> run_at_home(Request request, const sql::Statement& statement);
  io::Task<Outcome> try_at_home(const Request& request,
                                const sql::Statement& statement,
                                Attempt& attempt);
  bool ends_session(const Request& request, const sql::Statement& statement) const;
  void note_locks(const Request& request, const sql::Statement& statement);
  void note_transaction(const sql::Statement& statement);
  void note_end(const Request& request, const sql::Statement& statement);

  // session_loss.cc
  mysql::ErrPacket lose_home();
  bool may_begin_again(const Attempt& attempt,
                       const Request& request,
                       const sql::Statement& statement) const;
  io::Task<std::optional<mysql::ErrPacket>> begin_again();
  bool loses_with_home() const;
  bool may_have_committed(const Attempt& attempt, const sql::Statement& statement) const;
  bool is_plain_commit(const sql::Statement& statement) const;
  std::optional<LostWrite> lost_write(const Attempt& attempt) const;
  io::Task<std::optional<Outcome>> home_is_lost(const Attempt& attempt,
                                                const Request& request,
                                                const sql::Statement& statement);
  io::Task<Outcome> send_committed(std::string gtid);

  // session_sharing.cc
  std::shared_ptr<Pool> pool_of(Server& server);
  io::Task<Result<Borrowed>> borrow(Server& server,
                                    std::uint64_t lease,
                                    std::optional<mysql::ErrPacket>& refused,
                                    Deadline deadline);
  io::Task<bool> take_over(Backend& backend);
  io::Task<bool> start_anew(Backend& backend);
  io::Task<bool> hand_down(Backend& backend);
  io::Task<bool> keep_warnings(Backend& backend, KeptWarnings& warnings);
  io::Task<> keep_last_warnings();
  io::Task<> reread_schema();
  bool let_go_at_once();
  io::Task<> let_go();
  io::Task<bool> read_user_variables(Backend& backend);
  void give_back(Borrowed& borrowed, KillTarget::Slot slot);
  void foresee(Request& request, const sql::Statement& statement, std::string_view sql) const;
  bool may_have_let_go(const sql::Statement& statement) const;
  io::Task<> inspect_home();
  void note_temporary_tables(const Request& request, const sql::Statement& statement);
  bool keeps_diagnostics() const;
  void note_tie();
  io::Task<> join_error(Backend& backend);
  [[nodiscard]] bool note_reply(Backend& backend,
                                const Request& request,
                                const sql::Statement& statement);
  void note_assignments(Backend& backend, const std::vector<std::string>& names);

  // session_reads.cc
  io::Task<Outcome> run_on_reader(Request request,
                                  const sql::Statement& statement,
                                  sql::Consistency consistency);
  void count_read(ReadPath path);
  bool may_leave_primary(sql::Consistency consistency);
  bool knows_all_that_was_told();
  io::Task<bool> comes_to_know_all();
  io::Task<std::optional<routing::Position>> required(sql::Consistency consistency);
  Duration max_lag() const;
  Server* choose(const routing::Position& position, bool be_patient, bool& must_wait);
  Server* last_reader_again(const routing::Position& position);
  io::Task<bool> take_turn(const Server& server,
                           const routing::Position& position,
                           Deadline deadline);
  void note_waited(const Server& server,
                   const routing::Position& position,
                   const mysql::ReplySummary& reply);
  io::Task<ReaderOutcome> read_on(Server& server,
                                  const Request& request,
                                  const sql::Statement& statement,
                                  const routing::Position* wait_for,
                                  Duration patience);
  io::Task<ReaderOutcome> relay_read(const Request& request,
                                     const sql::Statement& statement,
                                     const routing::Position* wait_for,
                                     Duration patience);
  io::Task<ReaderOutcome> send_read(Backend& reader,
                                    const Request& request,
                                    const routing::Position* wait_for,
                                    Duration patience);

  // session_read_only.cc
  io::Task<bool> enter_read_only(sql::Consistency consistency);
  io::Task<std::optional<mysql::ErrPacket>> settle_read_only(const sql::Statement& statement);
  io::Task<std::optional<mysql::ErrPacket>> move_to_primary();
  io::Task<std::optional<mysql::ErrPacket>> begin_on_primary(std::vector<std::string> beginning);
  io::Task<> take_along_insert_id();
  bool is_away_from_home() const;
  io::Task<> end_on_replica(std::string sql);
  std::string isolation() const;
  bool read_only_sees_news() const;
  bool may_leave_read_only() const;
  void note_read_only(const sql::Statement& statement);
  void leave_read_only();

  // session_binlog.cc
  io::Task<Outcome> dump_binlog(ClientCommand& command);
  io::Task<bool> hear_first_of_dump();
  io::Task<Outcome> refuse_dump();
  io::Task<> relay_dump();
  io::Task<> pass_on_to_dump();

  // session_relay.cc
  io::Task<RelayEnd> relay_reply(Backend& backend, const Request& request);
  io::Task<RelayEnd> ask_for_changes(Backend& backend);
  io::Task<> hear_of_schema(Backend& backend, const Request& request);
  io::Task<Result<std::size_t>> read_reply(Backend& backend, char* buffer);
  bool client_is_gone();
  void absorb(Backend& backend);
  io::Task<> settle_position_after_error();
  void note_tracker(Backend& backend, const std::string& name, const std::string& value);
  io::Task<> compare_trackers(Backend& backend, Deadline deadline);
  io::Task<> look_after_trackers(Backend& backend, const sql::Statement& statement);
  void note_gtids(Backend& backend, const std::string& gtids);
  void lower_to_repaired();
  io::Task<Result<mysql::ReplySummary>> read_inner_reply(Backend& backend,
                                                         mysql::ReplyShape shape,
                                                         Deadline deadline);
  io::Task<Result<void>> forward_bytes(Backend* backend, std::size_t left);
  io::Task<Result<void>> forward_rest(Backend* backend, const ClientCommand& command);
  io::Task<bool> forward_local_file(Backend& backend);

  // session_statements.cc
  io::Task<Outcome> prepare(ClientCommand& command);
  io::Task<Outcome> execute(ClientCommand& command);
  io::Task<> clear_old_diagnostics();
  io::Task<Outcome> execute_own_set(const Prepared& prepared);
  io::Task<Outcome> send_long_data(ClientCommand& command);
  io::Task<Outcome> other_statement_command(ClientCommand& command);
  io::Task<Result<std::optional<mysql::ErrPacket>>> prepare_on(
      Backend& backend,
      std::shared_ptr<const PreparedText> text);
  io::Task<Result<std::optional<mysql::ErrPacket>>> translate_statement(Backend& backend,
                                                                        Backend::Needs needs,
                                                                        std::uint32_t client_id,
                                                                        std::string& payload);
  Backend::Needs needs_at_home(bool insert_id) const;
  Backend::Needs needs_of_reader() const;
  io::Task<Result<std::optional<mysql::ErrPacket>>> bring_up_to_date(Backend& backend,
                                                                     Backend::Needs needs);
  io::Task<Result<std::optional<mysql::ErrPacket>>> run_inner(Backend& backend,
                                                              std::string command,
                                                              mysql::ReplyShape shape,
                                                              Deadline deadline);
  std::shared_ptr<const PreparedText> text_of(std::string sql);
  void set_open(Prepared& prepared, bool has_long_data, bool has_cursor);
  void close_statement(std::uint32_t id);
  void forget_statement(const Prepared& prepared);
  bool may_lose_prepared(const Request& request, const sql::Statement& statement) const;
  io::Task<Result<void>> prepare_without_schema(Backend& backend);

  // session_identity.cc
  std::optional<std::string> own_identity_in(const sql::Statement& statement,
                                             std::string_view sql) const;
  sql::IdentityQuery identity_query_of(const sql::Statement& statement, std::string_view sql) const;
  io::Task<std::shared_ptr<mysql::RowEditor>> editor_of(sql::IdentityQuery query, bool is_binary);
  io::Task<std::vector<SessionInfo>> list_sessions(Deadline deadline);
  io::Task<bool> may_end_others(Deadline deadline);

  // session_diagnostics.cc
  void begin_own_statement();
  void note_own_error(const mysql::ErrPacket& err);
  std::optional<std::string_view> text_in(const Request& request) const;
  std::optional<sql::DiagnosticsQuery> diagnostics_query_in(const Request& request) const;
  std::optional<sql::GetDiagnostics> get_diagnostics_in(const Request& request) const;
  io::Task<std::optional<Outcome>> ask_last_used(const sql::Statement& statement, Request& request);
  Borrowed take_again(Server* server, std::uint64_t lease);
  Borrowed take_last_used();
  void lose_last_used();
  io::Task<> take_along_assignments(const std::vector<std::string>& names);
  io::Task<> take_diagnostics();
  io::Task<> take_found_rows();
  io::Task<Outcome> show_diagnostics(const sql::DiagnosticsQuery& query, bool has_more = false);
  io::Task<Outcome> get_diagnostics(sql::GetDiagnostics get, bool has_more = false);
  io::Task<std::optional<std::size_t>> condition_number(std::string written);
  void assign(const sql::GetDiagnostics::Target& target,
              const std::vector<std::optional<std::string>>* condition);
  std::string sqlstate_of(const std::vector<std::optional<std::string>>& condition) const;
  io::Task<std::size_t> answer_leading_diagnostics(const ClientCommand& command,
                                                   std::string_view sql);

  // session_local.cc
  io::Task<Outcome> answer_locally(const sql::Statement& statement,
                                   ClientCommand& command,
                                   std::string_view sql);
  io::Task<Outcome> show_own(std::string_view sql);
  io::Task<Outcome> set_option(ClientCommand& command);
  io::Task<Outcome> ping(ClientCommand& command);
  std::map<std::string, std::string> own_variables() const;
  std::map<std::string, std::string> own_status() const;
  io::Task<Outcome> kill_at_server(ClientCommand& command);
  io::Task<Outcome> kill(bool query_only, std::uint64_t id);
  io::Task<> end_other(std::uint32_t session, Deadline deadline);
  io::Task<std::optional<mysql::ErrPacket>> kill_query(KillTarget::Connection connection,
                                                       Deadline deadline);
  // What a SET changes that the proxy keeps for itself.
  struct OwnSettings {
    mysql::ClientTracking tracking;
    sql::Consistency consistency = sql::Consistency::Global;
  };
  io::Task<Outcome> run_set(const sql::Statement& statement,
                            ClientCommand& command,
                            std::string_view sql);
  std::optional<mysql::ErrPacket> apply_own_variables(
      const std::vector<sql::Assignment>& assignments,
      sql::LexerMode mode);
  std::optional<mysql::ErrPacket> apply_own_variable(const std::string& name,
                                                     const std::string& value);
  void take_back(const OwnSettings& before);
  io::Task<> own_variables_hold(const OwnSettings& before);
  io::Task<Outcome> have_refused(const sql::Statement& statement, ClientCommand& command);
  io::Task<bool> fails_to_prepare(std::string sql);

  LoopContext& context_;
  Shared& shared_;
  io::Stream client_;
  const routing::Listener listener_;
  std::uint32_t id_ = 0;
  std::uint32_t client_capabilities_ = 0;
  std::string nonce_;
  std::optional<Entrance> entrance_;  // from the first byte on
  Identity identity_;
  bool is_logged_in_ = false;
  bool is_revoked_ = false;  // its account may not log in any more: the session ends
  std::string pool_key_;
  SessionState state_;
  std::optional<mysql::ReplyRelay> relay_;  // from the log-in on
  std::shared_ptr<KillTarget> kill_target_;
  std::vector<std::pair<Server*, std::shared_ptr<Pool>>> pools_;

  Borrowed home_;
  Borrowed reader_;                                        // while a read runs
  WaitTurn wait_turn_;                                     // while it waits for a position
  std::optional<routing::ReadOnlyTransaction> read_only_;  // its home is a replica
  std::uint64_t home_lease_ = 0;             // of the connection home that was used last
  std::uint64_t reader_lease_ = 0;           // the same of a reader
  std::uint64_t last_statement_lease_ = 0;   // of the connection that can still tell of it
  Server* last_statement_server_ = nullptr;  // where that is
  std::uint64_t found_rows_lease_ = 0;       // the same of the last one that has not failed
  Server* found_rows_server_ = nullptr;
  Server* last_reader_ = nullptr;
  std::string_view tie_;            // why home is kept, as last counted
  bool is_inspection_due_ = false;  // what ties it to home may be gone
  bool is_list_unsure_ = false;     // of variables that the server tells of, at home
  bool primary_is_closed_ = false;  // it refused the last command, as it takes no writes any more
  bool succeeded_ = false;          // a server answered the last command without an error
  int captures_ = 0;                // others that read from a connection what is this session's
  io::Event captured_;
  std::uint64_t repairs_seen_ = 0;
  std::array<std::uint32_t, kReadPaths> reads_{};  // by the way that they took
  Server* home_replica_ = nullptr;                 // on the replicas port
  TimePoint first_answer_at_;                      // of the reply that was relayed last

  std::string reader_inbox_;   // bytes of a reader's reply that came with those before it
  std::string inbox_;          // bytes of the client that have not been used yet
  std::string outbox_;         // bytes for the client that have not been sent yet
  TimePoint idle_since_;       // the last command, or the log-in, ended then
  bool is_busy_ = true;        // with a command or a log-in
  std::uint8_t reply_to_ = 0;  // sequence number of the command's last packet
};

}  // namespace dorsal::proxy
