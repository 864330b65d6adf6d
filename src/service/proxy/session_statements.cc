#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "core/mysql/protocol.h"
#include "core/mysql/statement.h"
#include "service/proxy/errors.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

// A client that never closes its statements is refused where a server would refuse it too
// (max_prepared_stmt_count, 16382 by default).
constexpr std::size_t kMaxPrepared = 16382;

std::optional<std::uint32_t> statement_id_of(std::string_view payload) {
  Reader reader(payload);
  reader.skip(1);
  const std::uint32_t id = reader.u32();
  return reader.ok() ? std::optional(id) : std::nullopt;
}

// What was wrong with long data, a server says to each execution until the statement is reset.
bool tells_of_long_data(const std::optional<mysql::ErrPacket>& err) {
  constexpr std::uint16_t kWrongArguments = 1210;
  return err && err->code == kWrongArguments &&
         err->message.find("mysql_stmt_precheck") != std::string::npos;
}

}  // namespace

io::Task<Session::Outcome> Session::prepare(ClientCommand& command) {
  if (!command.is_whole || state_.prepared.size() >= kMaxPrepared) {
    co_return co_await send_err(errors::too_many_statements(kMaxPrepared));
  }
  const std::uint32_t id = state_.next_statement_id++;
  Prepared prepared;
  std::string text_sent = command.payload.substr(1);
  prepared.statement = sql::classify(text_sent, state_.lexer_mode());
  prepared.identity = identity_query_of(prepared.statement, text_sent);
  if (auto own = own_identity_in(prepared.statement, text_sent)) {
    text_sent = *std::move(own);
    command.payload.replace(1, std::string::npos, text_sent);
  }
  prepared.text = text_of(std::move(text_sent));
  // Whatever the proxy answers itself in a text query has no prepared form there; a server is
  // asked.
  if (prepared.statement.place == sql::Place::Proxy) {
    prepared.statement.place = sql::Place::Primary;
  }

  Request request;
  request.shape = mysql::ReplyShape::Prepare;
  request.statement_id = id;
  request.may_write = false;
  request.payload = std::move(command.payload);
  sql::Statement only_prepared = prepared.statement;
  only_prepared.may_write = false;
  only_prepared.pins = only_prepared.unpins = sql::Pins();
  request.asks_insert_id = false;
  auto text = prepared.text;
  prepared.use.user = std::uint64_t{id_} << 32 | id;
  state_.prepared.emplace(id, std::move(prepared));
  request.prepares = text;
  succeeded_ = false;
  const Outcome outcome = co_await run_statement(only_prepared, std::move(request), std::nullopt);
  if (outcome == Outcome::Closed) co_return outcome;
  // A server may say OK and give no number: then there is no statement either.
  if (succeeded_ && relay_->summary().statement_id != 0) {
    state_.prepared.at(id).parameters = relay_->summary().parameters;
    if (text->schema.empty()) ++state_.prepared_without_schema;
  } else {
    state_.prepared.erase(id);
  }
  co_return outcome;
}

// A text that the session has prepared already gets an object, and with it a statement at the
// server, of its own: each of the two may have long data or a cursor.
std::shared_ptr<const PreparedText> Session::text_of(std::string sql) {
  PreparedText text{std::move(sql), state_.schema(), state_.variables()};
  auto shared = context_.prepared_texts.of(text);
  for (const auto& [id, prepared] : state_.prepared) {
    if (prepared.text == shared) return std::make_shared<const PreparedText>(std::move(text));
  }
  return shared;
}

// Keeps count of what ties the session to its home.
void Session::set_open(Prepared& prepared, bool has_long_data, bool has_cursor) {
  const bool was_open = prepared.has_long_data || prepared.has_cursor;
  prepared.has_long_data = has_long_data;
  prepared.has_cursor = has_cursor;
  const bool is_open = has_long_data || has_cursor;
  state_.open_statements += static_cast<int>(is_open) - static_cast<int>(was_open);
}

io::Task<Session::Outcome> Session::execute(ClientCommand& command) {
  auto id = statement_id_of(command.payload);
  auto found = id ? state_.prepared.find(*id) : state_.prepared.end();
  if (found == state_.prepared.end()) {
    co_return co_await refuse(errors::unknown_statement(id.value_or(0)));
  }
  Prepared& prepared = found->second;
  auto view = mysql::view_execute(command.payload, prepared.parameters, client_capabilities_);
  if (!view && command.is_whole) co_return co_await send_err(errors::malformed_packet());

  const bool is_own_set = prepared.statement.kind == sql::Kind::DorsalSet && command.is_whole;
  if (is_own_set) co_return co_await execute_own_set(prepared);
  sql::Statement statement = prepared.statement;
  const bool opens_cursor =
      view && (view->flags & ~mysql::execute_flag::kParameterCountAvailable) != 0;
  const bool is_at_home = prepared.text->schema.empty() && state_.is_bound_by_prepared();
  if (!command.is_whole || prepared.has_long_data || prepared.has_cursor || opens_cursor ||
      is_at_home) {
    // Its data, the rows to be fetched later, or the statement itself lie on the home connection.
    statement.place = sql::Place::Primary;
  }
  // A server may send all rows at once instead, and there the cursor would outlast its connection.
  // Nor is there one for rows that only the proxy knows.
  const bool needs_no_cursor =
      opens_cursor && ((read_only_ && !may_leave_read_only()) || prepared.identity.lists_sessions);
  if (needs_no_cursor) mysql::open_no_cursor(command.payload);
  StatementUse& use = prepared.use;
  const bool looks_at_values = view && command.is_whole && !prepared.has_long_data &&
                               (view->types_follow || !use.types.empty());
  const bool has_values =
      !looks_at_values ||
      mysql::values_are_whole(command.payload, *view, use.types, client_capabilities_);
  // At another connection the statement may have no types yet, and then another error.
  if (!has_values && !view->types_follow) co_return co_await send_err(errors::malformed_packet());
  if (view && view->types_follow && has_values && view->parameters >= prepared.parameters) {
    const std::string before = std::exchange(use.types, mysql::types_of(command.payload, *view));
    use.is_uniform = before.empty() || (use.is_uniform && before == use.types);
  }
  if (view && command.is_whole) {
    command.payload = mysql::with_types(command.payload, *view, use.types);
  }

  Request request;
  request.executes = *id;
  request.prefers_last_reader = !prepared.use.is_uniform;  // see Backend::find_statement()
  request.may_write = statement.may_write;
  foresee(request, statement, prepared.text->sql);
  if (!command.is_whole) request.rest = &command;
  request.payload = std::move(command.payload);
  if (!prepared.identity.is_empty()) {
    auto identity = prepared.identity;
    request.rows = co_await editor_of(std::move(identity), true);
  }
  auto rows = request.rows;
  if (prepared.has_long_data) co_await clear_old_diagnostics();
  succeeded_ = false;
  const Outcome outcome = co_await run_statement(statement, std::move(request), std::nullopt);
  const bool has_cursor =
      succeeded_ && (relay_->summary().status & mysql::status::kCursorExists) != 0;
  found = state_.prepared.find(*id);
  if (found != state_.prepared.end()) {
    const bool keeps_long_data =
        found->second.has_long_data && !succeeded_ && tells_of_long_data(relay_->summary().err);
    set_open(found->second, keeps_long_data, has_cursor);
    found->second.rows = has_cursor ? rows : nullptr;
  }
  co_return outcome;
}

// It sets what the proxy keeps for itself, as in a text query: at a server it would blind the
// proxy.
io::Task<Session::Outcome> Session::execute_own_set(const Prepared& prepared) {
  if (prepared.parameters > 0) {
    begin_own_statement();
    co_return co_await refuse(errors::only_alone(errors::kOwnVariables));
  }
  const std::shared_ptr<const PreparedText> text = prepared.text;
  const sql::Statement statement = prepared.statement;
  ClientCommand query;
  query.command = mysql::Command::Query;
  query.payload = mysql::encode_query(text->sql, client_capabilities_);
  co_return co_await answer_locally(statement, query, text->sql);
}

// What the server finds wrong with long data and with other parameters, and what it says of
// COM_FIELD_LIST, is to join what the last statement has left, elsewhere, and nothing else.
io::Task<> Session::clear_old_diagnostics() {
  if (!home_ || home_->lease == last_statement_lease_ || state_.has_next_transaction) co_return;
  auto brought = co_await bring_up_to_date(*home_, needs_at_home(false));
  const bool is_up_to_date = brought && !*brought;
  if (!is_up_to_date || (!home_->has_old_diagnostics && !home_->has_diagnostics)) co_return;
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  auto cleared = co_await home_->run("DO 0", deadline);
  if (!cleared || cleared->err) co_return;
  home_->has_old_diagnostics = home_->has_diagnostics = false;
}

// Has no reply, not even for an error; the server keeps one for the EXECUTE that follows.
io::Task<Session::Outcome> Session::send_long_data(ClientCommand& command) {
  auto id = statement_id_of(command.payload);
  auto found = id ? state_.prepared.find(*id) : state_.prepared.end();
  const bool is_known = found != state_.prepared.end();
  std::optional<mysql::ErrPacket> refused;
  if (is_known)
    refused = co_await ensure_home(context_.loop.after(context_.options->primary_limit));
  if (!is_known || refused) {
    // Nobody can be told; what follows of a large command must still be read.
    auto dropped = co_await forward_rest(nullptr, command);
    co_return dropped ? Outcome::Answered : Outcome::Closed;
  }
  const Backend::Needs needs = needs_at_home(false);
  auto brought = co_await bring_up_to_date(*home_, needs);
  if (!brought || *brought) co_return Outcome::Closed;
  auto translated = co_await translate_statement(*home_, needs, *id, command.payload);
  if (!translated || *translated) co_return Outcome::Closed;
  set_open(found->second, true, found->second.has_cursor);
  std::string bytes = home_->take_closes();
  Writer writer(bytes);
  writer.u24(static_cast<std::uint32_t>(command.payload.size()) + command.frame_left);
  writer.u8(0);
  writer.put(command.payload);
  auto sent = co_await home_->stream().write_all(bytes, Deadline::never());
  if (!sent) co_return Outcome::Closed;
  if (!command.is_whole) {
    auto forwarded = co_await forward_rest(home_.get(), command);
    if (!forwarded) co_return Outcome::Closed;
  }
  home_->used(context_.loop.now());
  co_return Outcome::Answered;
}

// COM_STMT_CLOSE, COM_STMT_RESET, COM_STMT_FETCH.
io::Task<Session::Outcome> Session::other_statement_command(ClientCommand& command) {
  auto id = statement_id_of(command.payload);
  if (!id || !command.is_whole) co_return co_await send_err(errors::malformed_packet());
  if (command.command == mysql::Command::StmtClose) {
    close_statement(*id);
    co_return Outcome::Answered;
  }
  auto found = state_.prepared.find(*id);
  if (found == state_.prepared.end()) {
    co_return co_await refuse(errors::unknown_statement(*id));
  }
  const bool is_reset = command.command == mysql::Command::StmtReset;
  const bool is_open = found->second.has_long_data || found->second.has_cursor;
  const bool is_fetch = command.command == mysql::Command::StmtFetch;
  if (is_fetch && !found->second.has_cursor) {
    co_return co_await refuse(errors::no_open_cursor(*id));
  }
  // Cursors and long data lie at home; elsewhere there is nothing to reset.
  if (is_reset && !is_open) {
    state_.ping_counts = SessionState::PingCounts::Nothing;
    co_return co_await send_ok();
  }
  Request request =
      request_of(command, is_reset ? mysql::ReplyShape::OnePacket : mysql::ReplyShape::Rows);
  request.executes = *id;
  if (is_fetch) request.rows = found->second.rows;
  const Outcome outcome = co_await run_at_home(std::move(request), kNoStatement);
  const bool is_over = is_reset || (relay_->summary().status & mysql::status::kLastRowSent) != 0;
  found = state_.prepared.find(*id);
  if (succeeded_ && is_over && found != state_.prepared.end()) {
    set_open(found->second, found->second.has_long_data && !is_reset, false);
  }
  co_return outcome;
}

// The server keeps the statement for whoever prepares the same, unless something of this session's
// lies in it.
void Session::close_statement(std::uint32_t id) {
  auto found = state_.prepared.find(id);
  if (found == state_.prepared.end()) return;
  const bool is_open = found->second.has_long_data || found->second.has_cursor;
  if (is_open && home_) home_->close_statement(*found->second.text);
  forget_statement(found->second);
  state_.prepared.erase(found);
}

// What is counted of a statement that goes.
void Session::forget_statement(const Prepared& prepared) {
  if (prepared.has_long_data || prepared.has_cursor) --state_.open_statements;
  if (prepared.text->schema.empty()) --state_.prepared_without_schema;
}

// Whether the session may have a schema from now on, and then cannot prepare again what it has
// prepared without one.
bool Session::may_lose_prepared(const Request& request, const sql::Statement& statement) const {
  const bool has_some = state_.prepared_without_schema > 0 && state_.schema().empty();
  const bool selects = statement.kind == sql::Kind::Use || statement.several ||
                       request.payload[0] == static_cast<char>(mysql::Command::InitDb);
  return has_some && selects;
}

// A server's refusal of one of them is for whoever executes it.
io::Task<Result<void>> Session::prepare_without_schema(Backend& backend) {
  for (const auto& [id, prepared] : state_.prepared) {
    const bool is_there = backend.find_statement(*prepared.text, prepared.use).has_value();
    if (is_there || !prepared.text->schema.empty()) continue;
    auto text = prepared.text;
    auto refused = co_await prepare_on(backend, std::move(text));
    if (!refused) co_return refused.error();
  }
  co_return Result<void>();
}

// Prepares a text on a connection that does not have it yet, under the schema and the variables
// that it was first prepared under. A value: the server's refusal, if any.
io::Task<Result<std::optional<mysql::ErrPacket>>> Session::prepare_on(
    Backend& backend,
    std::shared_ptr<const PreparedText> text) {
  const bool cannot_lack_schema = text->schema.empty() && !backend.schema.empty();
  if (cannot_lack_schema) co_return std::optional(errors::must_be_prepared_again());
  SessionState then;
  then.start("", "", text->schema);
  // To set one of these, and back, would end a transaction that is under way.
  constexpr std::array<std::string_view, 3> kOfTransactions = {"autocommit",
                                                               "transaction_isolation",
                                                               "transaction_read_only"};
  for (const auto& [name, value] : text->variables.map()) {
    const bool is_one =
        std::find(kOfTransactions.begin(), kOfTransactions.end(), name) != kOfTransactions.end();
    if (!is_one) then.note_variable(name, value);
  }
  for (std::string_view name : kOfTransactions) {
    const std::string* value = backend.variables.find(name);
    if (value != nullptr) then.note_variable(std::string(name), *value);
  }
  const Deadline deadline = context_.loop.after(context_.options->primary_limit);
  std::string bytes = backend.take_closes();
  Backend::Needs needs;
  needs.all_gtids = backend.tells_all_gtids;
  auto variables = backend.sync_command(then, needs);
  auto schema = backend.schema_command(then);
  for (auto [command, shape] : {std::pair(&variables, mysql::ReplyShape::Results),
                                std::pair(&schema, mysql::ReplyShape::OnePacket)}) {
    if (command->empty()) continue;
    auto refused = co_await run_inner(backend, std::move(*command), shape, deadline);
    if (!refused || *refused) co_return refused;
  }
  backend.variables = then.variables();
  if (!text->schema.empty()) backend.schema = text->schema;

  std::string payload(1, static_cast<char>(mysql::Command::StmtPrepare));
  payload += text->sql;
  mysql::append_command(bytes, payload);
  DORSAL_CO_TRY_VOID(co_await backend.stream().write_all(bytes, deadline));
  reader_inbox_.clear();
  auto summary = co_await read_inner_reply(backend, mysql::ReplyShape::Prepare, deadline);
  if (!summary) co_return summary.error();
  backend.has_diagnostics = false;
  backend.has_old_diagnostics = summary->err.has_value() || summary->warnings > 0;
  if (!summary->err) backend.keep_statement(std::move(text), summary->statement_id);
  co_return summary->err;
}

// Puts the server's number for the statement into the payload.
io::Task<Result<std::optional<mysql::ErrPacket>>> Session::translate_statement(
    Backend& backend,
    Backend::Needs needs,
    std::uint32_t client_id,
    std::string& payload) {
  auto text = state_.prepared.at(client_id).text;
  const StatementUse use = state_.prepared.at(client_id).use;
  auto known = backend.find_statement(*text, use);
  if (!known) {
    const bool can_tell_of_last = backend.has_diagnostics && backend.lease == last_statement_lease_;
    // Its execution may be refused before it begins, and is no statement then.
    if (can_tell_of_last) co_await keep_last_warnings();
    auto refused = co_await prepare_on(backend, text);
    if (!refused || *refused) co_return refused;
    known = backend.find_statement(*text, use);
    auto brought = co_await bring_up_to_date(backend, needs);
    if (!brought || *brought) co_return brought;
  }
  mysql::set_statement_id(payload, *known);
  co_return std::optional<mysql::ErrPacket>();
}

}  // namespace dorsal::proxy
