// Connections that change hands: what has to follow a session to the connection that it gets, and
// what has to be kept for the session that a connection is taken from.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "core/sql/ascii.h"
#include "core/sql/user_variables.h"
#include "service/proxy/errors.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

using Slot = KillTarget::Slot;

// User variables that are larger than this in all are left where they are.
constexpr std::size_t kMaxUserVariables = std::size_t{256} * 1024;

// Warnings beyond this are not kept for a session whose connection goes to another one.
constexpr std::size_t kMaxWarnings = std::size_t{64} * 1024;

// Not what LAST_INSERT_ID() is for anybody who uses the connection next.
constexpr std::uint64_t kNobodysInsertId = UINT64_MAX;

sql::ValueKind value_kind(const mysql::Column& column) {
  namespace type = mysql::field_type;
  const bool is_unsigned = (column.flags & mysql::column_flag::kUnsigned) != 0;
  switch (column.type) {
    case type::kTiny:
    case type::kShort:
    case type::kInt24:
    case type::kLong:
    case type::kLongLong:
      return is_unsigned ? sql::ValueKind::UnsignedInteger : sql::ValueKind::Integer;
    case type::kDecimal:
    case type::kNewDecimal:
      return sql::ValueKind::Decimal;
    case type::kFloat:
    case type::kDouble:
      return sql::ValueKind::Double;
    default:
      return sql::ValueKind::Text;
  }
}

// As servers describe a user variable that was never assigned to; one that is NULL has a type.
bool is_unset(const mysql::Column& column, const std::optional<std::string>& value) {
  return !value && column.type == mysql::field_type::kVarString;
}

// An execution whose parameters the server cannot read: it has not begun, so what can be asked
// about the statement before stays, and the error joins it.
bool tells_of_unreadable_parameters(const mysql::ErrPacket& err) {
  constexpr std::uint16_t kMalformedPacket = 1835;
  constexpr std::uint16_t kWrongArguments = 1210;  // the functions of SQL have it too
  const bool names_command = err.message.find("COM_STMT_EXECUTE") != std::string::npos ||
                             err.message.find("mysqld_stmt_execute") != std::string::npos ||
                             err.message.find("mysql_stmt_precheck") != std::string::npos;
  return err.code == kMalformedPacket || (err.code == kWrongArguments && names_command);
}

// ER_GET_STACKED_DA_WITHOUT_ACTIVE_HANDLER: the one error that joins nothing.
constexpr std::uint16_t kNoHandler = 3004;

// A server leaves what can be asked about the statement before these as it is, and adds to it what
// goes wrong with them, unless it cannot even parse them.
bool leaves_diagnostics(const sql::Statement& statement,
                        const std::optional<mysql::ErrPacket>& err) {
  constexpr std::uint16_t kParseError = 1064;
  const bool is_parsed = !err || err->code != kParseError;
  return is_parsed && statement.place == sql::Place::LastUsed &&
         statement.kind != sql::Kind::Select;
}

std::uint64_t number(const std::optional<std::string>& text) {
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

}  // namespace

std::shared_ptr<Pool> Session::pool_of(Server& server) {
  for (const auto& [known, pool] : pools_) {
    if (known == &server) return pool;
  }
  auto pool = context_.pools->of(server, identity_, pool_key_);
  // Equal, and one copy in locked memory is enough for all sessions.
  identity_.native_sha1 = pool->identity().native_sha1;
  identity_.password = pool->identity().password;
  pools_.emplace_back(&server, pool);
  return pool;
}

// A connection to the server, of which nobody else's state will be missed.
io::Task<Result<Borrowed>> Session::borrow(Server& server,
                                           std::uint64_t lease,
                                           std::optional<mysql::ErrPacket>& refused,
                                           Deadline deadline) {
  while (captures_ > 0) {
    const bool is_done = co_await captured_.wait(deadline);
    if (!is_done) co_return timeout("its state is being read");
  }
  bool is_renewed = false;
  for (;;) {
    auto pool = pool_of(server);
    PoolWish wish;
    wish.session = id_;
    wish.lease = lease;
    wish.with_schema = !state_.schema().empty();
    wish.variables = state_.variables();
    auto taken = co_await pool->take(std::move(wish), deadline);
    if (!taken) co_return taken.error();
    refused = std::move(taken->refused);
    if (refused && refused->code == errors::kAccessDenied && !is_renewed) {
      is_renewed = true;
      const bool is_another = co_await renew_identity(deadline);
      if (is_another) continue;
    }
    if (refused) co_return Borrowed();
    Borrowed borrowed(pool, std::move(taken->backend));
    const bool is_good = co_await take_over(*borrowed);
    if (is_good) co_return borrowed;
  }
}

// Makes the connection this session's. False: it is of no use.
io::Task<bool> Session::take_over(Backend& backend) {
  const bool is_its_own =
      backend.lease != 0 && (backend.lease == home_lease_ || backend.lease == reader_lease_);
  if (is_its_own) co_return true;
  bool is_good = co_await hand_down(backend);
  const auto& own = state_.user_variables;
  const bool is_clean = std::all_of(backend.user_variables.begin(),
                                    backend.user_variables.end(),
                                    [&](const std::string& name) { return own.count(name) != 0; });
  if (is_good && !is_clean) is_good = co_await start_anew(backend);
  backend.owner = id_;
  backend.lease = context_.pools->next_lease();
  co_return is_good;
}

// For a connection with user variables that this session has not. No statement unmakes a variable;
// set to NULL, it still has a type and a collation, which show and change what later statements do.
io::Task<bool> Session::start_anew(Backend& backend) {
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  std::string reset(1, static_cast<char>(mysql::Command::ResetConnection));
  auto refused =
      co_await run_inner(backend, std::move(reset), mysql::ReplyShape::OnePacket, deadline);
  if (!refused || *refused) co_return false;
  auto set_up = backend.was_reset();
  refused = co_await run_inner(backend, std::move(set_up), mysql::ReplyShape::Results, deadline);
  co_return refused && !*refused;
}

// Gives the session that used the connection last what it may still ask for.
io::Task<bool> Session::hand_down(Backend& backend) {
  const std::uint32_t owner = backend.owner;
  auto find_owner = [&]() -> Session* {
    auto found = context_.sessions.find(owner);
    return found == context_.sessions.end() ? nullptr : found->second;
  };
  if (Session* session = find_owner(); session != nullptr) {
    // After a reset the session has none of this any more.
    const bool has_insert_id = !backend.last_insert_id && session->home_lease_ == backend.lease;
    // What it says of a statement before the session's last one, nobody can ask any more.
    const bool has_last = session->last_statement_lease_ == backend.lease;
    const bool has_diagnostics = has_last && backend.has_diagnostics;
    const bool has_counted_rows =
        session->found_rows_lease_ == backend.lease && backend.has_counted_rows;
    ++session->captures_;
    bool is_good = true;
    KeptWarnings warnings;
    if (has_diagnostics) is_good = co_await keep_warnings(backend, warnings);
    std::optional<client::Reply> numbers;
    if (is_good && (has_insert_id || has_counted_rows)) {
      const Deadline deadline = context_.loop.after(context_.options->connect_limit);
      // With a limit of its own, which counts for more than sql_select_limit. FOUND_ROWS() leaves a
      // warning.
      std::string sql = has_counted_rows ? "SELECT LAST_INSERT_ID(), FOUND_ROWS() LIMIT 1"
                                         : "SELECT LAST_INSERT_ID() LIMIT 1";
      auto reply = co_await backend.query(std::move(sql), deadline);
      const std::size_t wanted = has_counted_rows ? 2 : 1;
      is_good = reply && !reply->err && !reply->results.at(0).rows.empty() &&
                reply->results[0].rows[0].size() == wanted;
      if (is_good) numbers = *std::move(reply);
    }
    session = find_owner();
    if (session != nullptr) {
      SessionState& state = session->state_;
      if (has_diagnostics && is_good) state.warnings = std::move(warnings);
      if (numbers) {
        const auto& row = numbers->results[0].rows[0];
        if (has_insert_id) state.last_insert_id = number(row.at(0));
        if (has_counted_rows) state.found_rows = number(row.at(1));
      }
      if (--session->captures_ == 0) session->captured_.notify_all();
    }
    if (!is_good) co_return false;
    if (has_insert_id && numbers) backend.last_insert_id = number(numbers->results[0].rows[0][0]);
    if (numbers) backend.has_diagnostics = has_counted_rows;
    if (numbers) backend.has_old_diagnostics = false;
  }
  if (!backend.last_insert_id) backend.last_insert_id = kNobodysInsertId;
  backend.has_old_diagnostics |= std::exchange(backend.has_diagnostics, false);
  backend.has_counted_rows = false;
  co_return true;
}

// What SHOW WARNINGS says there, to be shown when that session asks.
io::Task<bool> Session::keep_warnings(Backend& backend, KeptWarnings& warnings) {
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  auto reply = co_await backend.query("SHOW WARNINGS", deadline);
  if (!reply || reply->err || reply->results.empty()) co_return false;
  warnings.columns = std::move(reply->results[0].columns);
  std::size_t size = 0;
  for (auto& row : reply->results[0].rows) {
    for (const auto& field : row) size += field ? field->size() : 0;
    if (size > kMaxWarnings) break;
    warnings.rows.push_back(std::move(row));
  }
  co_return true;
}

// What the connection of the last statement would say of it is kept here, so that more can be said.
io::Task<> Session::keep_last_warnings() {
  KeptWarnings warnings;
  const std::uint64_t lease = last_statement_lease_;
  const bool is_home = home_ && home_->lease == lease;
  const bool is_reader = !is_home && reader_ && reader_->lease == lease;
  Borrowed borrowed;
  if (!is_home && !is_reader) borrowed = take_last_used();
  Backend* backend = is_home ? home_.get() : is_reader ? reader_.get() : borrowed.get();
  bool is_good = backend != nullptr;
  if (is_good && backend->has_diagnostics) is_good = co_await keep_warnings(*backend, warnings);
  if (backend != nullptr) backend->is_spoilt |= !is_good;
  if (borrowed) borrowed.give_back();
  if (is_good) state_.warnings = std::move(warnings);
  if (!is_good) lose_last_used();
  last_statement_lease_ = 0;
}

// DROP DATABASE leaves a session without a schema if it was its own; no tracker tells of it.
io::Task<> Session::reread_schema() {
  Backend& home = *home_;
  co_await keep_last_warnings();
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  auto reply = co_await home.query("SELECT DATABASE() LIMIT 1", deadline);
  if (!reply || reply->err || reply->results.at(0).rows.empty()) {
    home.is_spoilt = true;
    co_return;
  }
  state_.note_schema(reply->results[0].rows[0].at(0).value_or(""));
  home.schema = state_.schema();
  reader_lease_ = 0;  // its reader still has the schema, and no command takes one away
}

// The common cases without waiting.
bool Session::let_go_at_once() {
  if (!home_) return true;
  note_tie();
  if (is_inspection_due_ && !keeps_diagnostics()) return false;
  if (!tie_.empty()) return true;
  if (state_.has_unread_user_variables || context_.options->pools.debug_swap) return false;
  if (is_away_from_home()) return false;
  give_back(home_, Slot::Home);
  return true;
}

// Between two commands: gives home back unless something ties the session to it.
io::Task<> Session::let_go() {
  if (!home_) co_return;
  if (is_inspection_due_ && !keeps_diagnostics()) co_await inspect_home();
  note_tie();
  const bool is_tied_otherwise = !tie_.empty();
  if (is_tied_otherwise) co_return;
  if (state_.has_unread_user_variables) {
    const bool is_read = co_await read_user_variables(*home_);
    note_tie();
    if (!is_read || state_.is_tied()) co_return;
  }
  if (is_away_from_home()) co_await take_along_insert_id();
  if (context_.options->pools.debug_swap) {
    const bool is_good = co_await hand_down(*home_);
    if (!is_good) home_->is_spoilt = true;
    home_->lease = home_lease_ = last_statement_lease_ = 0;
  }
  give_back(home_, Slot::Home);
}

// To find out what a failed write has done to user variables, they must be read from its
// connection, which would be the last statement there then: not before the client has run another,
// which may be a GET DIAGNOSTICS. And what SIGNAL gives to a condition, GET DIAGNOSTICS alone
// tells.
bool Session::keeps_diagnostics() const {
  const bool can_tell = home_ && home_->has_diagnostics && home_->lease == last_statement_lease_;
  if (!can_tell) return false;
  if (state_.has_signalled) return true;
  return is_inspection_due_ && !state_.user_variables.empty() &&
         !context_.options->pools.debug_swap;
}

void Session::note_tie() {
  std::string_view tie = state_.tie();
  if (tie.empty() && keeps_diagnostics()) tie = SessionState::kDiagnosticsTie;
  if (tie == tie_) return;
  shared_.numbers.note_tie(tie, tie_);
  tie_ = tie;
}

void Session::give_back(Borrowed& borrowed, Slot slot) {
  if (!borrowed) return;
  const bool may_be_shared = kill_target_->disconnected(slot);
  if (may_be_shared) {
    borrowed.give_back();
  } else {
    borrowed.reset();
  }
}

// Reads back what the client has assigned, so that it can follow the session. The reading itself
// would be what SHOW WARNINGS and its like tell of, so those are kept first.
io::Task<bool> Session::read_user_variables(Backend& backend) {
  bool is_good = co_await hand_down(backend);
  if (!is_good) co_return false;
  std::vector<std::string> names;
  std::string sql;
  for (const auto& [name, value] : state_.user_variables) {
    if (!value.empty()) continue;
    sql += (sql.empty() ? "SELECT " : ", ") + sql::user_variable_items(name);
    names.push_back(name);
  }
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  if (leaves_out_metadata()) {
    // The types of values stand there. For the session's next statement it is set back.
    auto full = co_await backend.run("SET resultset_metadata = FULL", deadline);
    if (!full || full->err) co_return false;
    backend.variables.note(kResultsetMetadata, "FULL");
  }
  auto reply = co_await backend.query(sql + " LIMIT 1", deadline);
  if (!reply || reply->err || reply->results.empty() || reply->results[0].rows.empty()) {
    co_return false;
  }
  const auto& result = reply->results[0];
  const auto& row = result.rows[0];
  std::size_t size = 0;
  for (std::size_t i = 0; i < names.size() && 3 * i + 2 < row.size(); ++i) {
    if (is_unset(result.columns[3 * i], row[3 * i])) {
      // The statement did not come so far, and an assignment would give it a type.
      state_.user_variables.erase(names[i]);
      backend.user_variables.erase(names[i]);
      continue;
    }
    auto value = sql::assignment(names[i],
                                 value_kind(result.columns[3 * i]),
                                 row[3 * i],
                                 row[3 * i + 1].value_or(""),
                                 row[3 * i + 2].value_or("binary"));
    if (!value) co_return false;
    state_.user_variables[names[i]] = *std::move(value);
  }
  for (const auto& [name, value] : state_.user_variables) size += name.size() + value.size();
  if (size > kMaxUserVariables) state_.pins |= sql::Pin::SessionVariable;
  state_.has_unread_user_variables = false;
  // Nothing more can be asked there about the last statement, which may have run elsewhere.
  if (last_statement_lease_ == backend.lease) last_statement_lease_ = 0;
  co_return true;
}

// What the text of a statement tells of its effects, noted before the text is sent off.
void Session::foresee(Request& request,
                      const sql::Statement& statement,
                      std::string_view sql) const {
  request.asks_insert_id = statement.may_write || statement.asks_insert_id || statement.several ||
                           statement.pins.has(sql::Pin::Hidden);
  if (statement.pins.has(sql::Pin::UserVariable)) {
    request.user_variables = sql::user_variables_in(sql, state_.lexer_mode());
  }
  const bool concerns_temporary_tables =
      statement.kind == sql::Kind::Ddl &&
      (statement.pins.has(sql::Pin::TemporaryTable) || !state_.temporary_tables.empty());
  if (concerns_temporary_tables) {
    request.temporary_tables = sql::temporary_tables_in(sql, state_.lexer_mode(), state_.schema());
  }
}

// Whether something that ties the session may have ended with this statement, or have been tied by
// code that nobody has seen, so that the server must be asked.
bool Session::may_have_let_go(const sql::Statement& statement) const {
  if (!state_.pins.without(sql::Pin::UserVariable).any()) return false;
  return statement.pins.has(sql::Pin::Hidden) || statement.rule == "user_lock" ||
         statement.kind == sql::Kind::Do || statement.kind == sql::Kind::Deallocate ||
         statement.kind == sql::Kind::Handler || statement.kind == sql::Kind::Several;
}

// Asks the server what lies on the connection, where that is something that it can tell.
io::Task<> Session::inspect_home() {
  if (state_.in_transaction()) co_return;
  is_inspection_due_ = false;
  constexpr sql::Pins kCanBeSeen = sql::Pins(sql::Pin::UserLock) | sql::Pin::TableLock |
                                   sql::Pin::GlobalReadLock | sql::Pin::BackupLock |
                                   sql::Pin::Handler | sql::Pin::SqlPrepare | sql::Pin::Hidden;
  const bool is_of_use = !state_.pins.without(kCanBeSeen).without(sql::Pin::UserVariable).any();
  if (!is_of_use) co_return;
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  auto found =
      co_await context_.inspector.inspect(home_->server(), home_->connection_id(), deadline);
  if (!found || found->has_locks || found->has_prepared) co_return;
  state_.pins = state_.pins.without(kCanBeSeen);
  std::vector<std::string> names;
  for (const auto& name : found->user_variables) names.push_back(sql::to_lower(name));
  if (!names.empty()) note_assignments(*home_, names);
}

void Session::note_temporary_tables(const Request& request, const sql::Statement& statement) {
  auto& tables = state_.temporary_tables;
  if (statement.pins.has(sql::Pin::TemporaryTable) && request.temporary_tables.made.empty()) {
    tables.insert("");
  }
  tables.insert(request.temporary_tables.made.begin(), request.temporary_tables.made.end());
  for (const auto& name : request.temporary_tables.dropped) tables.erase(name);
  if (tables.empty()) state_.pins = state_.pins.without(sql::Pin::TemporaryTable);
}

// The error that the connection has just given joins what the session's last statement has left
// elsewhere.
io::Task<> Session::join_error(Backend& backend) {
  const mysql::ErrPacket err = relay_->summary().err.value();
  if (last_statement_lease_ != 0) co_await keep_last_warnings();
  KeptWarnings joining;
  if (backend.has_old_diagnostics) {
    joining.rows.push_back({"Error", std::to_string(err.code), err.message});
  } else if (!co_await keep_warnings(backend, joining)) {
    backend.is_spoilt = true;
  }
  KeptWarnings& kept = state_.warnings;
  if (kept.columns.empty()) kept.columns = std::move(joining.columns);
  kept.rows.insert(kept.rows.end(), joining.rows.begin(), joining.rows.end());
  state_.row_count = -1;
}

// What a reply says about its connection and its session. True: behind it comes join_error().
bool Session::note_reply(Backend& backend,
                         const Request& request,
                         const sql::Statement& statement) {
  const mysql::ReplySummary& summary = relay_->summary();
  succeeded_ = !summary.err;
  if (request.prepares && succeeded_) {
    backend.keep_statement(request.prepares, summary.statement_id);
  }
  const bool failed = summary.err.has_value();
  using PingCounts = SessionState::PingCounts;
  const bool prepares = request.shape == mysql::ReplyShape::Prepare;
  const bool never_began =
      failed && request.executes && tells_of_unreadable_parameters(*summary.err);
  const bool is_statement =
      (request.shape == mysql::ReplyShape::Results && !never_began) || prepares;
  // A SELECT is the last statement from now on, whatever it asks about, and so is a PREPARE.
  const bool asks_about_last = leaves_diagnostics(statement, summary.err) && !prepares;
  if (asks_about_last || !is_statement) {
    const bool is_last = last_statement_lease_ == backend.lease;
    // Those are of an earlier statement, of which nobody can ask any more.
    if (!is_last) backend.has_old_diagnostics |= backend.has_diagnostics;
    // GET DIAGNOSTICS of a condition that is not there says OK, counts one and adds an error.
    backend.has_diagnostics |= failed || (asks_about_last && summary.warnings > 0);
    const bool joins = failed && summary.err->code != kNoHandler;
    state_.ping_counts = joins ? PingCounts::Warnings : PingCounts::Nothing;
    if (joins) state_.error = summary.err;
    return joins && !is_last;
  }
  const bool is_elsewhere = std::exchange(last_statement_lease_, backend.lease) != backend.lease;
  last_statement_server_ = &backend.server();
  state_.warnings = KeptWarnings();
  state_.warning_count = summary.warnings;
  state_.error = summary.err;
  state_.has_signalled = statement.rule == "signal";
  backend.has_diagnostics = failed || summary.warnings > 0;
  backend.has_old_diagnostics = false;
  state_.ping_counts = backend.has_diagnostics ? PingCounts::Warnings : PingCounts::Nothing;
  if (prepares) return false;
  if (!backend.tells_all_gtids && !summary.has_gtids) {
    state_.has_read_primary |= summary.ended_rows || statement.may_write;
  }
  // Behind an error FOUND_ROWS() says what it said before, if that was here.
  if (!failed) {
    backend.has_counted_rows = statement.counts_all_rows;
    found_rows_lease_ = backend.lease;
    found_rows_server_ = &backend.server();
  }
  if (failed && is_elsewhere) backend.has_counted_rows = false;
  state_.found_rows_elsewhere = failed && (is_elsewhere || state_.found_rows_elsewhere);
  // Only of a connection that had the session's own can what it says now be the session's, and a
  // reader is not given it.
  const bool has_insert_id = request.asks_insert_id && &backend == home_.get();
  const bool may_change_insert_id =
      summary.insert_id != 0 || (has_insert_id && (statement.asks_insert_id || statement.several ||
                                                   failed || statement.pins.has(sql::Pin::Hidden)));
  if (may_change_insert_id) backend.last_insert_id.reset();
  if (summary.insert_id != 0) state_.last_insert_id = summary.insert_id;
  state_.row_count =
      failed || summary.ended_rows ? -1 : static_cast<std::int64_t>(summary.affected_rows);
  if (summary.ended_rows) state_.found_rows = summary.rows;
  // Stored programs may make temporary tables and set variables that the text does not name.
  const bool is_hidden_change =
      statement.kind == sql::Kind::Write || statement.kind == sql::Kind::LoadData ||
      (statement.several && statement.may_write) || statement.pins.has(sql::Pin::Hidden);
  if (is_hidden_change && summary.state_changed) {
    state_.pins |= sql::Pin::TemporaryTable;
    state_.temporary_tables.insert("");
  }
  return false;
}

void Session::note_assignments(Backend& backend, const std::vector<std::string>& names) {
  if (names.empty()) return;
  for (const auto& name : names) {
    if (sql::user_variable(name).empty()) state_.pins |= sql::Pin::SessionVariable;
    state_.user_variables[name].clear();
    backend.user_variables.insert(name);
  }
  state_.has_unread_user_variables = true;
  backend.user_variables_owner = id_;
  backend.user_variables_version = ++state_.user_variables_version;
}

// At home nothing is known of what hidden code reads, so everything goes along.
Backend::Needs Session::needs_at_home(bool insert_id) const {
  Backend::Needs needs;
  needs.session = id_;
  needs.user_variables = true;
  needs.insert_id = insert_id;
  needs.all_gtids = home_ && &home_->server() != context_.view->primary;
  return needs;
}

Backend::Needs Session::needs_of_reader() const {
  Backend::Needs needs;
  needs.session = id_;
  needs.all_gtids = true;
  return needs;
}

// Sets on a connection what the session has and it has not, ahead of what needs it. A value: what
// to tell the client.
io::Task<Result<std::optional<mysql::ErrPacket>>> Session::bring_up_to_date(Backend& backend,
                                                                            Backend::Needs needs) {
  auto variables = backend.sync_command(state_, needs);
  auto schema = backend.schema_command(state_);
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  if (!variables.empty()) {
    auto refused =
        co_await run_inner(backend, std::move(variables), mysql::ReplyShape::Results, deadline);
    if (!refused) co_return refused.error();
    if (*refused) {
      backend.is_spoilt = true;
      co_return refused;
    }
  }
  if (!schema.empty()) {
    auto refused =
        co_await run_inner(backend, std::move(schema), mysql::ReplyShape::OnePacket, deadline);
    if (!refused || *refused) co_return refused;
  }
  backend.synced(state_, needs);
  co_return std::optional<mysql::ErrPacket>();
}

// A command of the proxy's own.
io::Task<Result<std::optional<mysql::ErrPacket>>> Session::run_inner(Backend& backend,
                                                                     std::string command,
                                                                     mysql::ReplyShape shape,
                                                                     Deadline deadline) {
  std::string bytes = backend.take_closes();
  mysql::append_command(bytes, command);
  DORSAL_CO_TRY_VOID(co_await backend.stream().write_all(bytes, deadline));
  reader_inbox_.clear();
  DORSAL_CO_TRY(auto summary, co_await read_inner_reply(backend, shape, deadline));
  if (shape == mysql::ReplyShape::Results) {
    backend.has_old_diagnostics = summary.err.has_value() || summary.warnings > 0;
  }
  co_return summary.err;
}

}  // namespace dorsal::proxy
