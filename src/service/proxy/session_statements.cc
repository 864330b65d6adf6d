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

std::string_view name_of(mysql::Command command) {
  switch (command) {
    case mysql::Command::StmtExecute:
      return "mysqld_stmt_execute";
    case mysql::Command::StmtFetch:
      return "mysqld_stmt_fetch";
    case mysql::Command::StmtReset:
      return "mysqld_stmt_reset";
    default:
      return "mysqld_stmt_send_long_data";
  }
}

}  // namespace

io::Task<Session::Outcome> Session::prepare(ClientCommand& command) {
  if (!command.is_whole || state_.prepared.size() >= kMaxPrepared) {
    co_return co_await send_err(errors::too_many_statements(kMaxPrepared));
  }
  const std::uint32_t id = state_.next_statement_id++;
  Prepared prepared;
  prepared.sql = command.payload.substr(1);
  prepared.statement = sql::classify(prepared.sql, state_.lexer_mode());
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
  state_.prepared.emplace(id, std::move(prepared));
  last_relayed_ = nullptr;
  const Outcome outcome = co_await run_statement(only_prepared, std::move(request), std::nullopt);
  if (outcome == Outcome::Closed) co_return outcome;
  const bool succeeded = last_relayed_ != nullptr && !last_relayed_->relay().summary().err;
  if (!succeeded) {
    state_.prepared.erase(id);
    co_return outcome;
  }
  const auto& summary = last_relayed_->relay().summary();
  state_.prepared.at(id).parameters = summary.parameters;
  last_relayed_->statements().emplace(id, summary.statement_id);
  co_return outcome;
}

io::Task<Session::Outcome> Session::execute(ClientCommand& command) {
  auto id = statement_id_of(command.payload);
  auto found = id ? state_.prepared.find(*id) : state_.prepared.end();
  if (found == state_.prepared.end()) {
    co_return co_await send_err(
        errors::unknown_statement(id.value_or(0), name_of(command.command)));
  }
  Prepared& prepared = found->second;
  auto view = mysql::view_execute(command.payload, prepared.parameters, client_capabilities_);
  if (!view && command.is_whole) co_return co_await send_err(errors::malformed_packet());

  sql::Statement statement = prepared.statement;
  const bool opens_cursor =
      view && (view->flags & ~mysql::execute_flag::kParameterCountAvailable) != 0;
  if (!command.is_whole || prepared.has_long_data || opens_cursor) {
    // Its data, or the rows to be fetched later, lie on the home connection.
    statement.place = sql::Place::Primary;
  }
  if (view && view->types_follow) prepared.types = mysql::types_of(command.payload, *view);
  if (view && command.is_whole) {
    command.payload = mysql::with_types(command.payload, *view, prepared.types);
  }
  prepared.has_long_data = false;

  Request request;
  request.executes = *id;
  request.may_write = statement.may_write;
  if (!command.is_whole) request.rest = &command;
  request.payload = std::move(command.payload);
  co_return co_await run_statement(statement, std::move(request), std::nullopt);
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
  found->second.has_long_data = true;
  auto translated = co_await translate_statement(*home_, *id, command.payload);
  if (!translated || *translated) co_return Outcome::Closed;
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
    co_return co_await send_err(errors::unknown_statement(*id, name_of(command.command)));
  }
  const bool is_reset = command.command == mysql::Command::StmtReset;
  if (is_reset) found->second.has_long_data = false;
  const bool is_at_home = home_ != nullptr && home_->statements().count(*id) != 0;
  // Cursors and long data lie at home; elsewhere there is nothing to reset.
  if (is_reset && !is_at_home) co_return co_await send_ok();
  Request request;
  request.executes = *id;
  request.shape = is_reset ? mysql::ReplyShape::OnePacket : mysql::ReplyShape::Rows;
  request.may_write = false;
  request.payload = std::move(command.payload);
  sql::Statement plain;
  plain.may_write = false;
  co_return co_await run_at_home(std::move(request), plain);
}

void Session::close_statement(std::uint32_t id) {
  state_.prepared.erase(id);
  if (home_) home_->close_statement(id);
  for (auto& reader : readers_) reader->close_statement(id);
}

// Prepares the client's statement on a connection that does not have it yet. A value: the server's
// refusal, if any.
io::Task<Result<std::optional<mysql::ErrPacket>>> Session::prepare_on(Backend& backend,
                                                                      std::uint32_t client_id,
                                                                      const Prepared& prepared) {
  const Deadline deadline = context_.loop.after(context_.options->primary_limit);
  std::string bytes = backend.take_closes();
  std::string payload(1, static_cast<char>(mysql::Command::StmtPrepare));
  payload += prepared.sql;
  mysql::append_command(bytes, payload);
  DORSAL_CO_TRY_VOID(co_await backend.stream().write_all(bytes, deadline));
  reader_inbox_.clear();
  auto summary = co_await read_inner_reply(backend, mysql::ReplyShape::Prepare, deadline);
  if (!summary) co_return summary.error();
  if (!summary->err) backend.statements().emplace(client_id, summary->statement_id);
  co_return summary->err;
}

// Puts the server's number for the statement into the payload.
io::Task<Result<std::optional<mysql::ErrPacket>>>
Session::translate_statement(Backend& backend, std::uint32_t client_id, std::string& payload) {
  auto& known = backend.statements();
  if (known.count(client_id) == 0) {
    // The statement must mean there what it means at home.
    auto brought = co_await bring_up_to_date(backend);
    if (!brought) co_return brought.error();
    auto refused = co_await prepare_on(backend, client_id, state_.prepared.at(client_id));
    if (!refused || *refused) co_return refused;
  }
  mysql::set_statement_id(payload, known.at(client_id));
  co_return std::optional<mysql::ErrPacket>();
}

}  // namespace dorsal::proxy
