#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/mysql/statement.h"
#include "core/sql/dorsal_query.h"
#include "core/sql/kill.h"
#include "core/sql/set_statement.h"
#include "core/sql/system_variable.h"
#include "core/sql/tracked.h"
#include "service/proxy/errors.h"
#include "service/proxy/own_columns.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

constexpr std::string_view kConsistency = "dorsal_consistency";
namespace flag = mysql::column_flag;

bool is_own(const sql::Assignment& assignment) {
  return assignment.scope == sql::Assignment::Scope::Session &&
         (sql::is_dorsal_variable(assignment.name) || sql::is_session_tracker(assignment.name));
}

// The place of the value among the names, of which the server takes the number too; empty for what
// the server refuses.
std::optional<std::size_t> choice(std::string_view value,
                                  std::initializer_list<std::string_view> names) {
  std::size_t place = 0;
  for (std::string_view name : names) {
    if (sql::equal_words(value, name) || value == std::to_string(place)) return place;
    ++place;
  }
  return std::nullopt;
}

std::optional<std::size_t> on_or_off(std::string_view value) {
  if (sql::equal_words(value, "true")) return 1;
  if (sql::equal_words(value, "false")) return 0;
  return choice(value, {"off", "on"});
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    auto comma = text.find(',');
    auto name = text.substr(0, comma);
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (!name.empty()) names.emplace_back(name);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return names;
}

// Whether there is more that may be wrong, and a server makes of the values what the proxy makes of
// them, and has all that is set.
bool are_for_server(const std::vector<sql::Assignment>& assignments, sql::LexerMode mode) {
  if (assignments.size() == 1) return false;
  return std::all_of(assignments.begin(), assignments.end(), [&](const sql::Assignment& one) {
    if (!is_own(one)) return true;
    return !sql::is_dorsal_variable(one.name) && sql::is_literal(one.value, mode);
  });
}

// Of the session, that it assigns to.
std::vector<std::string> variables_of(const sql::Assignment& assignment) {
  if (assignment.scope != sql::Assignment::Scope::Session) return {};
  const bool is_charset = assignment.name == "names" || assignment.name == "character set";
  if (!is_charset) return {assignment.name};
  return {"character_set_client", "character_set_results", "character_set_connection"};
}

// The collation of SET NAMES … COLLATE, which servers do not report; empty without one.
std::string named_collation(const std::vector<sql::Assignment>& assignments, sql::LexerMode mode) {
  for (const sql::Assignment& assignment : assignments) {
    if (assignment.name != "names") continue;
    auto names = sql::parse_names(assignment.value, mode);
    if (names) return names->collation;
  }
  return {};
}

}  // namespace

// What only the proxy can answer, and SET in all its forms.
io::Task<Session::Outcome> Session::answer_locally(const sql::Statement& statement,
                                                   ClientCommand& command,
                                                   std::string_view sql) {
  const sql::LexerMode mode = state_.lexer_mode();
  // An error may have ended the transaction, which only the server knows, and an OK tells.
  const bool is_unsure = home_ && state_.in_transaction() && !succeeded_;
  if (is_unsure) (void)co_await ask_for_changes(*home_);
  if (statement.kind == sql::Kind::Kill) {
    auto kill_statement = sql::parse_kill(sql, mode);
    if (kill_statement && kill_statement->id < SessionRegistry::kFirst) {
      co_return co_await kill_at_server(command);
    }
    begin_own_statement();
    if (kill_statement) {
      co_return co_await kill(kill_statement->query_only, kill_statement->id);
    }
    co_return co_await refuse(errors::only_alone("KILL"));
  }
  if (statement.kind == sql::Kind::DorsalShow) {
    begin_own_statement();
    co_return co_await show_own(sql);
  }
  co_return co_await run_set(statement, command, sql);
}

// As at a server, all of it takes effect or nothing.
io::Task<Session::Outcome> Session::run_set(const sql::Statement& statement,
                                            ClientCommand& command,
                                            std::string_view sql) {
  const sql::LexerMode mode = state_.lexer_mode();
  auto assignments = sql::parse_set(sql, mode);
  // Passed on as it is, it would change what the proxy itself relies on.
  if (statement.kind == sql::Kind::DorsalSet && (statement.several || !assignments)) {
    begin_own_statement();
    co_return co_await refuse(errors::only_alone(errors::kOwnVariables));
  }
  const OwnSettings before{state_.tracking, state_.consistency};
  std::string rest(sql);
  std::string collation;
  if (assignments) {
    collation = named_collation(*assignments, mode);
    auto refused = apply_own_variables(*assignments, mode);
    if (refused) {
      take_back(before);
      const bool may_be_told_by_server =
          refused->code == errors::kWrongValue && are_for_server(*assignments, mode);
      if (may_be_told_by_server) co_return co_await have_refused(statement, command);
      begin_own_statement();
      co_return co_await refuse(*std::move(refused));
    }
    // All else stays as it is written, since errors quote it.
    const bool has_own = std::any_of(assignments->begin(), assignments->end(), is_own);
    if (has_own) rest = sql::without(sql, *assignments, is_own);
  }
  if (rest.empty()) {
    state_.tracking.forgotten.clear();
    begin_own_statement();
    co_await own_variables_hold(before);
    co_return co_await send_ok();
  }
  Request request;
  request.may_write = statement.may_write;
  foresee(request, statement, rest);
  request.consistency = level(statement, std::nullopt);
  if (rest.size() == sql.size()) {
    if (!command.is_whole) request.rest = &command;
    request.payload = std::move(command.payload);
  } else {
    request.payload = mysql::encode_query(rest, client_capabilities_);
  }
  if (read_only_) {
    auto refused = co_await settle_read_only(statement);
    // One that the server will not even prepare changes nothing there, and it says best why.
    bool fails_anyway = false;
    if (refused) fails_anyway = co_await fails_to_prepare(std::move(rest));
    if (refused && !fails_anyway) {
      take_back(before);
      begin_own_statement();
      co_return co_await refuse(*std::move(refused));
    }
  }
  const Outcome outcome = co_await run_at_home(std::move(request), statement);
  state_.tracking.forgotten.clear();
  if (!succeeded_) take_back(before);
  if (succeeded_) co_await own_variables_hold(before);
  if (succeeded_ && !collation.empty()) {
    state_.note_variable("collation_connection", collation);
    state_.note_variable(std::string(sql::kResultsCollation), collation);
    if (home_) home_->variables = state_.variables();
  }
  co_return outcome;
}

std::optional<mysql::ErrPacket> Session::apply_own_variables(
    const std::vector<sql::Assignment>& assignments,
    sql::LexerMode mode) {
  bool names_variables = false;
  std::map<std::string, bool, std::less<>> assigned;  // and whether it is listed
  for (const sql::Assignment& assignment : assignments) {
    if (!is_own(assignment)) {
      for (const std::string& name : variables_of(assignment)) {
        const auto& listed = state_.tracking.variables;
        assigned[name] = state_.tracking.all_variables ||
                         std::find(listed.begin(), listed.end(), name) != listed.end();
        state_.tracking.forgotten.erase(name);
      }
      continue;
    }
    const std::string value = sql::literal_text(assignment.value, mode);
    auto refused = apply_own_variable(assignment.name, value);
    if (refused) return refused;
    if (assignment.name != sql::kTrackerList) continue;
    // NULL changes nothing at a server, but behind a list of the same SET: that is then forgotten.
    const bool is_null = sql::equal_words(value, "null");
    if (is_null && names_variables) {
      state_.tracking.all_variables = false;
      state_.tracking.variables.clear();
    }
    names_variables |= !is_null;
    state_.tracking.forgotten = assigned;
  }
  return std::nullopt;
}

void Session::take_back(const OwnSettings& before) {
  state_.tracking = before.tracking;
  state_.consistency = before.consistency;
}

io::Task<> Session::own_variables_hold(const OwnSettings& before) {
  const bool starts = state_.tracking.transaction_state && !before.tracking.transaction_state;
  if (!starts) co_return;
  const bool is_told = relay_->start_to_tell_transactions();
  const bool goes_on = state_.in_transaction() || state_.may_hold_locks();
  if (!is_told || !goes_on || !home_) co_return;
  // Of a transaction that no statement has begun, a server tells what happens from now on.
  co_await keep_last_warnings();
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  auto restarted = co_await home_->run(
      "SET session_track_transaction_info = OFF, session_track_transaction_info = CHARACTERISTICS",
      deadline);
  if (!restarted || restarted->err) home_->is_spoilt = true;
}

// A SET with a value that no server takes. What else may be wrong with it, and what is said first,
// the server knows best.
io::Task<Session::Outcome> Session::have_refused(const sql::Statement& statement,
                                                 ClientCommand& command) {
  Request request = request_of(command, mysql::ReplyShape::Results);
  if (!command.is_whole) request.rest = &command;
  const Outcome outcome = co_await run_at_home(std::move(request), statement);
  // It has taken it after all, and may not track what the proxy needs.
  if (succeeded_ && home_) home_->is_spoilt = true;
  co_return outcome;
}

// Whether the server finds something wrong with a statement without running it.
io::Task<bool> Session::fails_to_prepare(std::string sql) {
  if (!home_) co_return false;
  auto text = text_of(std::move(sql));
  auto prepared = co_await prepare_on(*home_, std::move(text));
  if (!prepared) home_->is_spoilt = true;
  const bool fails = prepared && prepared->has_value();
  co_return fails;
}

std::optional<mysql::ErrPacket> Session::apply_own_variable(const std::string& name,
                                                            const std::string& value) {
  mysql::ClientTracking& tracking = state_.tracking;
  const mysql::ClientTracking usual;
  const bool is_default = sql::equal_words(value, "default");
  auto set = [&](bool& flag, bool otherwise) {
    auto place = is_default ? std::optional<std::size_t>(otherwise ? 1 : 0) : on_or_off(value);
    if (place) flag = *place == 1;
    return place.has_value();
  };
  if (name == kConsistency) {
    auto consistency = sql::parse_consistency(value);
    if (!consistency) return errors::wrong_value(name, value);
    state_.consistency = *consistency;
  } else if (name == "session_track_gtids") {
    auto place = is_default ? 0 : choice(value, {"off", "own_gtid", "all_gtids"});
    if (!place) return errors::wrong_value(name, value);
    if (state_.in_transaction()) return errors::not_in_transaction(name);
    tracking.gtids = *place > 0;
  } else if (name == "session_track_schema") {
    if (!set(tracking.schema, usual.schema)) return errors::wrong_value(name, value);
  } else if (name == "session_track_state_change") {
    if (!set(tracking.state_change, usual.state_change)) return errors::wrong_value(name, value);
  } else if (name == sql::kTrackerList) {
    if (sql::equal_words(value, "null")) return std::nullopt;  // as servers have it, no change
    tracking.all_variables = value == "*";
    tracking.variables = is_default ? usual.variables : split_list(value);
  } else if (name == "session_track_transaction_info") {
    auto place = is_default ? 0 : choice(value, {"off", "state", "characteristics"});
    if (!place) return errors::wrong_value(name, value);
    tracking.transaction_state = *place > 0;
    tracking.characteristics = *place > 1;
  } else {
    return errors::unknown_variable(name);
  }
  return std::nullopt;
}

// As a server would show them, had the client set them there.
std::map<std::string, std::string> Session::own_variables() const {
  const mysql::ClientTracking& tracking = state_.tracking;
  auto on = [](bool is_on) { return std::string(is_on ? "ON" : "OFF"); };
  const auto& names = tracking.variables;
  return {
      {std::string(kConsistency), std::string(sql::to_string(state_.consistency))},
      {"session_track_gtids", tracking.gtids ? "OWN_GTID" : "OFF"},
      {"session_track_schema", on(tracking.schema)},
      {"session_track_state_change", on(tracking.state_change)},
      {"session_track_system_variables",
       tracking.all_variables ? "*" : fmt::format("{}", fmt::join(names, ","))},
      {"session_track_transaction_info",
       tracking.characteristics     ? "CHARACTERISTICS"
       : tracking.transaction_state ? "STATE"
                                    : "OFF"},
  };
}

// What became of this session's reads, and what holds it.
std::map<std::string, std::string> Session::own_status() const {
  std::map<std::string, std::string> status;
  for (std::size_t i = 0; i < kReadPaths; ++i) {
    status[fmt::format("dorsal_session_reads_{}", to_string(static_cast<ReadPath>(i)))] =
        std::to_string(reads_[i]);
  }
  status["dorsal_session_consistency"] = sql::to_string(state_.consistency);
  status["dorsal_session_position"] = shared_.frontier.text(state_.own);
  status["dorsal_session_tie"] = state_.tie();
  status["dorsal_session_home"] = home_ ? home_->server().name.value() : "";
  return status;
}

io::Task<Session::Outcome> Session::show_own(std::string_view sql) {
  auto query = sql::parse_dorsal_query(sql, state_.lexer_mode());
  if (!query) co_return co_await send_err(errors::unknown_variable("dorsal"));
  using Row = std::vector<std::optional<std::string>>;
  std::vector<Row> rows;
  if (query->what == sql::DorsalQuery::What::ConnectionId) {
    rows.push_back(Row{std::to_string(id_)});
    const std::vector<mysql::Column> columns = {
        number_column(query->column, flag::kNotNull | flag::kUnsigned)};
    co_return co_await send_rows(columns, rows);
  }
  const auto variables = own_variables();
  if (query->what == sql::DorsalQuery::What::Variable) {
    auto found = variables.find(query->name);
    if (found == variables.end()) {
      co_return co_await send_err(errors::unknown_variable(query->name));
    }
    rows.push_back(Row{found->second});
    const std::vector<mysql::Column> columns = {text_column(query->column)};
    co_return co_await send_rows(columns, rows);
  }
  if (query->what == sql::DorsalQuery::What::Variables) {
    for (const auto& [name, value] : variables) {
      if (sql::matches_like(name, query->pattern)) rows.push_back(Row{name, value});
    }
  } else {
    for (const auto& [name, value] : own_status()) {
      if (sql::matches_like(name, query->pattern)) rows.push_back(Row{name, value});
    }
    for (const auto& sample : shared_.counters.read()) {
      std::string name = sample.name;
      for (const auto& [label, value] : sample.labels) name += fmt::format("_{}", value);
      if (!sql::matches_like(name, query->pattern)) continue;
      rows.push_back(Row{name, std::to_string(sample.value)});
    }
  }
  const std::vector<mysql::Column> columns = {text_column("Variable_name"), text_column("Value")};
  co_return co_await send_rows(columns, rows);
}

// The OK counts the warnings of the statement before, which its connection may still know. An error
// may have ended the transaction, which only the server can tell.
io::Task<Session::Outcome> Session::ping(ClientCommand& command) {
  using PingCounts = SessionState::PingCounts;
  const bool is_in_transaction = home_ && state_.in_transaction();
  // Of an error of the proxy's own the server knows nothing; but one before it may be its own.
  const bool is_own_error = state_.ping_counts == PingCounts::OneError;
  bool is_unsure = is_in_transaction && (!is_own_error || relay_->is_err_newest());
  if (is_unsure && is_own_error) {
    const RelayEnd asked = co_await ask_for_changes(*home_);
    is_unsure = asked != RelayEnd::Answered;
  }
  if (!is_unsure && state_.ping_counts == PingCounts::Nothing) co_return co_await send_ok();
  Request request = request_of(command, mysql::ReplyShape::OnePacket);
  sql::Statement plain = kNoStatement;
  plain.place = sql::Place::LastUsed;
  const auto kept =
      static_cast<std::uint16_t>(std::min<std::size_t>(state_.warnings.rows.size(),
                                                       std::numeric_limits<std::uint16_t>::max()));
  if (!is_unsure && is_own_error) co_return co_await send_ok(kept);
  if (!is_unsure) {
    auto asked = co_await ask_last_used(plain, request);
    if (asked) co_return *asked;
    const bool knows = home_ && last_statement_lease_ != 0 && home_->lease == last_statement_lease_;
    if (!knows) {
      co_return co_await send_ok(kept);
    }
  }
  co_return co_await run_at_home(std::move(request), plain);
}

// Whether several statements may come in one text is a matter of the connection, so the session
// gets others from now on.
io::Task<Session::Outcome> Session::set_option(ClientCommand& command) {
  constexpr std::uint16_t kOn = 0;
  constexpr std::uint16_t kOff = 1;
  Reader reader(command.payload);
  reader.skip(1);
  const std::uint16_t option = reader.u16();
  if (!reader.ok() || !command.is_whole) co_return co_await send_err(errors::malformed_packet());
  if (option != kOn && option != kOff) co_return co_await refuse(errors::unknown_command());
  Outcome outcome = Outcome::Answered;
  if (home_) {
    Request request = request_of(command, mysql::ReplyShape::OnePacket);
    outcome = co_await run_at_home(std::move(request), kNoStatement);
    if (!succeeded_) co_return outcome;
    if (home_) home_->is_spoilt = true;
  } else {
    outcome = co_await send_ok_ending_rows();
  }
  auto& capabilities = identity_.client_capabilities;
  capabilities &= ~mysql::capability::kMultiStatements;
  if (option == kOn) capabilities |= mysql::capability::kMultiStatements;
  use_identity();
  co_return outcome;
}

// What a client has seen in its server's list of processes.
io::Task<Session::Outcome> Session::kill_at_server(ClientCommand& command) {
  const bool is_text = command.command == mysql::Command::Query;
  Request request =
      request_of(command, is_text ? mysql::ReplyShape::Results : mysql::ReplyShape::OnePacket);
  co_return co_await run_at_home(std::move(request), kNoStatement);
}

// Connection numbers that clients know are the proxy's; each stands for connections to servers,
// which are killed with this client's own privileges.
io::Task<Session::Outcome> Session::kill(bool query_only, std::uint64_t id) {
  auto target = id > UINT32_MAX ? nullptr : shared_.sessions.find(static_cast<std::uint32_t>(id));
  if (target == nullptr) co_return co_await refuse(errors::unknown_thread(id));
  if (id == id_) {
    const Outcome told = co_await refuse(errors::interrupted());
    co_return query_only ? told : Outcome::Closed;
  }
  const Deadline deadline = context_.loop.after(context_.options->primary_limit);
  // A server is asked to end what runs there, but a session may hold nothing at any server.
  const bool is_own = shared_.sessions.user_of(static_cast<std::uint32_t>(id)) == identity_.user;
  if (!is_own && !co_await may_end_others(deadline)) {
    co_return co_await refuse(errors::not_owner(id));
  }
  target->begin_kill();
  std::optional<mysql::ErrPacket> refused;
  for (const auto& connection : target->connections()) {
    refused = co_await kill_query(connection, deadline);
    if (refused) break;
  }
  target->end_kill();
  if (refused) co_return co_await send_err(*std::move(refused));
  if (!query_only) co_await end_other(static_cast<std::uint32_t>(id), deadline);
  co_return co_await send_ok();
}

// Returns when it has ended: whoever is told that a connection was killed finds it closed.
io::Task<> Session::end_other(std::uint32_t session, Deadline deadline) {
  io::Loop& loop = context_.loop;
  auto ended = std::make_shared<io::Event>(loop);
  shared_.sessions.end(session, [ended, &loop] { loop.post([ended] { ended->set(); }); });
  (void)co_await ended->wait(deadline);
}

// Over a connection of its own: those of the pool may all be waiting for what is to be killed.
io::Task<std::optional<mysql::ErrPacket>> Session::kill_query(KillTarget::Connection connection,
                                                              Deadline deadline) {
  constexpr std::uint16_t kNoSuchThread = 1094;  // ER_NO_SUCH_THREAD: it was gone already
  context_.refresh_view();
  const std::shared_ptr<const ServerView> view = context_.view;
  for (Server* server : view->all) {
    if (server->index != connection.server) continue;
    auto opened = co_await Backend::open(context_, *server, identity_, deadline);
    if (!opened) continue;
    if (opened->refused) co_return opened->refused;
    auto done =
        co_await opened->backend->run(fmt::format("KILL QUERY {}", connection.id), deadline);
    if (done && done->err && done->err->code != kNoSuchThread) co_return done->err;
  }
  co_return std::nullopt;
}

}  // namespace dorsal::proxy
