#include "service/proxy/session.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"
#include "core/mysql/column.h"
#include "core/mysql/row.h"
#include "core/mysql/statement.h"
#include "service/proxy/errors.h"

namespace dorsal::proxy {
namespace {

// A command up to this size is read whole and understood; of a larger one only the beginning is,
// and it goes home, packet by packet.
constexpr std::size_t kWholeCommand = std::size_t{1} << 20;

// A client that does not take its reply for this long is given up.
constexpr auto kClientWriteLimit = std::chrono::minutes(10);

routing::Where force_home(const sql::Statement& statement, routing::Where where) {
  const bool wants_primary = statement.forced == sql::Place::Primary;
  return wants_primary && where == routing::Where::Reader ? routing::Where::Home : where;
}

// False for what only begins or ends a transaction: its first read is what has to be fresh. A wait
// ahead of it would also use up a SET TRANSACTION.
bool may_read(sql::Kind kind) {
  using sql::Kind;
  return kind != Kind::Begin && kind != Kind::BeginReadOnly && kind != Kind::Commit &&
         kind != Kind::Rollback && kind != Kind::Savepoint && kind != Kind::SetTransaction;
}

}  // namespace

Session::Session(LoopContext& context, io::Stream client, routing::Listener listener)
    : context_(context),
      shared_(context.shared),
      client_(std::move(client)),
      listener_(listener),
      captured_(context.loop) {
  const Options& options = *context_.options;
  state_.usual_consistency = listener == routing::Listener::Split ? options.split_consistency
                             : listener == routing::Listener::Primary
                                 ? options.primary_consistency
                                 : options.replicas_consistency;
  state_.consistency = state_.usual_consistency;
}

Session::~Session() = default;

io::Task<> Session::run() {
  std::tie(id_, kill_target_) = shared_.sessions.add(context_);
  context_.sessions.emplace(id_, this);
  const bool is_in = co_await log_in();
  if (is_in) {
    shared_.numbers.sessions.add(1);
    while (co_await serve() == Outcome::Answered && !is_revoked_) {
      if (!let_go_at_once()) co_await let_go();
    }
    shared_.numbers.sessions.add(-1);
  }
  reader_.reset();
  home_.reset();
  shared_.numbers.note_tie({}, tie_);
  client_.close();
  context_.sessions.erase(id_);
  shared_.sessions.remove(id_);
}

void Session::end() {
  client_.close();
  if (home_) home_->stream().close();
  if (reader_) reader_->stream().close();
}

io::Task<Session::Outcome> Session::serve() {
  auto command = co_await read_command();
  if (!command) {
    if (command.error().kind == ErrorKind::Corrupt) {
      shared_.numbers.protocol_errors.add();
      log_debug("proxy", "session={} {}", id_, command.error().message);
      client_.begin_reply();
      co_await send_err(errors::malformed_packet());
    }
    co_return Outcome::Closed;
  }
  const Outcome outcome = co_await handle(*command);
  co_return outcome;
}

// Until so many bytes of the client are here. It waits without a buffer, since most clients are
// idle most of the time.
io::Task<Result<void>> Session::fill_inbox(std::size_t wanted, Deadline deadline) {
  while (inbox_.size() < wanted) {
    DORSAL_CO_TRY_VOID(co_await client_.wait_readable(deadline));
    auto buffer = context_.take_buffer();
    auto size = client_.try_read(buffer.get(), LoopContext::kBufferBytes);
    if (size) inbox_.append(buffer.get(), *size);
    context_.give_buffer(std::move(buffer));
    if (!size) co_return size.error();
  }
  co_return Result<void>();
}

io::Task<Result<ClientCommand>> Session::read_command() {
  ClientCommand command;
  if (outbox_.capacity() > LoopContext::kSmallText) context_.give_text(outbox_);
  const bool is_large = inbox_.empty() && inbox_.capacity() > LoopContext::kSmallText;
  if (is_large) inbox_ = std::string();
  idle_since_ = context_.loop.now();
  is_busy_ = false;
  const auto idle_limit = Deadline::after(idle_since_, std::chrono::seconds(state_.wait_timeout));
  auto begun = co_await fill_inbox(mysql::kHeaderSize, idle_limit);
  if (!begun && begun.error().kind == ErrorKind::Timeout) co_await tell_of_idleness();
  if (!begun) co_return begun.error();
  is_busy_ = true;
  const mysql::Header header = mysql::read_header(inbox_.data());
  if (header.sequence != 0) co_return corrupt("a packet is out of order");
  const std::size_t head = std::min<std::size_t>(header.length, kWholeCommand);
  DORSAL_CO_TRY_VOID(co_await fill_inbox(mysql::kHeaderSize + head, Deadline::never()));
  command.payload.assign(inbox_, mysql::kHeaderSize, head);
  inbox_.erase(0, mysql::kHeaderSize + head);
  command.frame_left = static_cast<std::uint32_t>(header.length - head);
  command.frame_is_full = header.length == mysql::kMaxPayload;
  command.is_whole = command.frame_left == 0 && !command.frame_is_full;
  if (command.payload.empty()) co_return corrupt("a command is empty");
  command.command = static_cast<mysql::Command>(command.payload[0]);
  reply_to_ = 0;
  client_.begin_reply();
  co_return command;
}

// As a server takes its leave of a client that has been silent for wait_timeout.
io::Task<> Session::tell_of_idleness() {
  reply_to_ = 0xff;  // the packet answers nothing: its number is 0
  client_.begin_reply();
  co_await send_err(errors::idle_for_too_long());
}

io::Task<Session::Outcome> Session::handle(ClientCommand& command) {
  using mysql::Command;
  switch (command.command) {
    case Command::Quit:
      co_return Outcome::Closed;
    case Command::Query:
      co_return co_await handle_query(command);
    case Command::StmtPrepare:
      co_return co_await prepare(command);
    case Command::StmtExecute:
      co_return co_await execute(command);
    case Command::StmtSendLongData:
      co_return co_await send_long_data(command);
    case Command::StmtClose:
    case Command::StmtReset:
    case Command::StmtFetch:
      co_return co_await other_statement_command(command);
    case Command::ChangeUser:
      co_return co_await change_user(command);
    case Command::Ping:
      co_return co_await ping(command);
    case Command::ProcessKill: {
      if (command.payload.size() != 5) co_return co_await send_err(errors::malformed_packet());
      Reader reader(command.payload);
      reader.skip(1);
      const std::uint32_t id = reader.u32();
      if (id < SessionRegistry::kFirst) co_return co_await kill_at_server(command);
      co_return co_await kill(false, id);
    }
    case Command::BinlogDump:
    case Command::BinlogDumpGtid:
      co_return co_await dump_binlog(command);
    case Command::SetOption:
      co_return co_await set_option(command);
    case Command::InitDb:
    case Command::FieldList:
    case Command::Statistics:
    case Command::Debug:
    case Command::ProcessInfo:
    case Command::ResetConnection:
    case Command::RegisterReplica:
      break;
    default:
      co_return co_await refuse(errors::unknown_command());
  }
  if (!command.is_whole) co_return co_await send_err(errors::malformed_packet());

  const auto shape = command.command == Command::FieldList     ? mysql::ReplyShape::Columns
                     : command.command == Command::Statistics  ? mysql::ReplyShape::OneText
                     : command.command == Command::ProcessInfo ? mysql::ReplyShape::Results
                                                               : mysql::ReplyShape::OnePacket;
  const bool resets = command.command == Command::ResetConnection;
  if (resets && !home_) {
    return_to_defaults();
    co_return co_await send_ok();
  }
  if (command.command == Command::FieldList) {
    const auto refused = co_await ensure_home(context_.loop.after(context_.options->primary_limit));
    if (!refused) co_await clear_old_diagnostics();  // else run_at_home() says so
  }
  Request request = request_of(command, shape);
  const Outcome outcome = co_await run_at_home(std::move(request), kNoStatement);
  if (command.command == Command::RegisterReplica) state_.reads_binlog |= succeeded_;
  if (!resets || outcome == Outcome::Closed || !succeeded_) co_return outcome;
  // The server forgot the session's state and the proxy's tracking with it: start anew.
  home_.reset();
  return_to_defaults();
  co_return outcome;
}

// A command of the protocol, which is no statement.
Session::Request Session::request_of(ClientCommand& command, mysql::ReplyShape shape) {
  Request request;
  request.shape = shape;
  request.may_write = false;
  request.asks_insert_id = false;
  request.payload = std::move(command.payload);
  return request;
}

// After COM_RESET_CONNECTION a session has the server's own character set, not the one that its
// log-in asked for. What the log-in said of IGNORE_SPACE still holds.
void Session::return_to_defaults() {
  forget_state();
  identity_.collation = mysql::kDefaultCollation;
  use_identity();
  relay_.emplace(client_capabilities_, client_capabilities_, state_.tracking);
}

// What the session has made of itself, and what its connections could still tell of it.
void Session::forget_state() {
  read_only_.reset();
  state_.reset();
  home_lease_ = reader_lease_ = last_statement_lease_ = found_rows_lease_ = 0;
}

io::Task<Session::Outcome> Session::handle_query(ClientCommand& command) {
  auto query = mysql::view_query(std::string_view(command.payload).substr(1), client_capabilities_);
  if (!query) co_return co_await send_err(errors::malformed_packet());
  std::optional<sql::Consistency> wanted;
  for (const auto& [name, value] : query->text_attributes) {
    if (name == "dorsal_consistency") wanted = sql::parse_consistency(value);
  }
  sql::Statement statement = sql::classify(query->sql, state_.lexer_mode());
  std::size_t answered = 0;
  if (statement.several) answered = co_await answer_leading_diagnostics(command, query->sql);
  if (answered > 0) {
    if (!client_.is_open()) co_return Outcome::Closed;
    const auto begin = static_cast<std::size_t>(query->sql.data() - command.payload.data());
    command.payload.erase(begin, answered);
    query = mysql::view_query(std::string_view(command.payload).substr(1), client_capabilities_);
    statement = sql::classify(query->sql, state_.lexer_mode());
  }
  if (!command.is_whole) {
    // Only its beginning is known, so nothing about its end is.
    statement.place = sql::Place::Primary;
    statement.may_write = true;
    statement.rule = "too_large_to_read";
  }
  const auto own = command.is_whole ? own_identity_in(statement, query->sql) : std::nullopt;
  if (own) {
    command.payload.replace(command.payload.size() - query->sql.size(), std::string::npos, *own);
    query->sql = std::string_view(command.payload).substr(command.payload.size() - own->size());
  }
  if (statement.place == sql::Place::Proxy || statement.kind == sql::Kind::Set ||
      statement.kind == sql::Kind::DorsalSet) {
    co_return co_await answer_locally(statement, command, query->sql);
  }
  Request request;
  request.may_write = statement.may_write;
  foresee(request, statement, query->sql);
  if (!command.is_whole) request.rest = &command;
  auto identity = identity_query_of(statement, query->sql);
  if (!identity.is_empty()) request.rows = co_await editor_of(std::move(identity), false);
  request.payload = std::move(command.payload);
  co_return co_await run_statement(statement, std::move(request), wanted);
}

routing::SessionView Session::view_of_session() const {
  routing::SessionView view;
  view.listener = listener_;
  view.in_transaction = state_.in_transaction();
  view.autocommit = state_.autocommit;
  view.pinned = state_.pins.hold_reads() || sql::is_system_schema(state_.schema());
  view.next_is_set = state_.has_next_transaction;
  view.tied = state_.is_tied();
  view.read_only = state_.reads_only;
  view.last_ran_on_reader = state_.last_ran_on_reader;
  return view;
}

sql::Consistency Session::level(const sql::Statement& statement,
                                std::optional<sql::Consistency> wanted) const {
  if (statement.consistency) return *statement.consistency;
  return wanted.value_or(state_.consistency);
}

io::Task<Session::Outcome> Session::run_statement(const sql::Statement& statement,
                                                  Request request,
                                                  std::optional<sql::Consistency> wanted) {
  auto where = force_home(statement, routing::route(statement, view_of_session()).where);
  const bool follows_last = statement.place == sql::Place::LastUsed;
  if (follows_last) {
    auto asked = co_await ask_last_used(statement, request);
    if (asked) co_return *asked;
    where = routing::Where::Home;
  }
  request.never_goes_back = !follows_last && level(statement, wanted) != sql::Consistency::Eventual;
  if (where == routing::Where::Reader) {
    co_return co_await run_on_reader(std::move(request), statement, level(statement, wanted));
  }
  if (where == routing::Where::ReadOnlyTransaction) {
    const bool is_there = co_await enter_read_only(level(statement, wanted));
    if (is_there) shared_.numbers.read_only_begun.add();
  } else if (read_only_ && request.shape != mysql::ReplyShape::Prepare) {
    auto refused = co_await settle_read_only(statement);
    if (refused) co_return co_await fail(statement, *std::move(refused));
  }
  if (listener_ != routing::Listener::Replicas && !read_only_) {
    shared_.numbers.on_primary.add();
  } else if (!follows_last && may_read(statement.kind)) {
    request.consistency = level(statement, wanted);
  }
  co_return co_await run_at_home(std::move(request), statement);
}

io::Task<Session::Outcome> Session::send_to_client(std::string_view bytes) {
  if (client_.try_write(bytes)) co_return Outcome::Answered;
  auto sent = co_await client_.write_all(bytes, context_.loop.after(kClientWriteLimit));
  co_return sent ? Outcome::Answered : Outcome::Closed;
}

// `schema`: the one that the session has now, for those who want to be told.
io::Task<Session::Outcome> Session::send_ok(std::uint16_t warnings, std::string schema) {
  mysql::OkPacket ok;
  ok.status = state_.status;
  ok.warnings = warnings;
  if (!schema.empty()) {
    ok.status |= mysql::status::kSessionStateChanged;
    ok.trackers.schema = std::move(schema);
  }
  co_return co_await send_own_ok(std::move(ok));
}

io::Task<Session::Outcome> Session::send_own_ok(mysql::OkPacket ok) {
  std::string bytes;
  auto sequence = static_cast<std::uint8_t>(reply_to_ + 1);
  mysql::append_packet(bytes, sequence, relay_->own_ok(ok));
  co_return co_await send_to_client(bytes);
}

// As COM_SET_OPTION is answered.
io::Task<Session::Outcome> Session::send_ok_ending_rows() {
  mysql::OkPacket ok;
  ok.status = state_.status;
  std::string bytes;
  auto sequence = static_cast<std::uint8_t>(reply_to_ + 1);
  mysql::append_packet(bytes, sequence, mysql::encode_ok(ok, client_capabilities_, true));
  co_return co_await send_to_client(bytes);
}

io::Task<Session::Outcome> Session::send_err(mysql::ErrPacket err) {
  std::string bytes;
  auto sequence = static_cast<std::uint8_t>(reply_to_ + 1);
  mysql::append_packet(bytes, sequence, mysql::encode(err, client_capabilities_));
  co_return co_await send_to_client(bytes);
}

// An error that no server has given, and that SHOW WARNINGS is to tell of all the same.
io::Task<Session::Outcome> Session::refuse(mysql::ErrPacket err) {
  if (last_statement_lease_ != 0) co_await keep_last_warnings();
  note_own_error(err);
  co_return co_await send_err(std::move(err));
}

// A statement that ends with an error of the proxy's own, or one that came ahead of it. For what
// asks about the last statement, and for commands, that remains the last one.
io::Task<Session::Outcome> Session::fail(const sql::Statement& statement, mysql::ErrPacket err) {
  const bool is_last =
      statement.place != sql::Place::LastUsed && statement.rule != kNoStatement.rule;
  if (is_last) begin_own_statement();
  co_return co_await refuse(std::move(err));
}

// The client has asked for results without column definitions, which is for those alone who
// negotiated that they can be left out.
bool Session::leaves_out_metadata() const {
  const std::string* metadata = state_.variables().find(kResultsetMetadata);
  return metadata != nullptr && *metadata == "NONE";
}

io::Task<Session::Outcome> Session::send_rows(
    const std::vector<mysql::Column>& columns,
    const std::vector<std::vector<std::optional<std::string>>>& rows,
    std::uint16_t warnings,
    bool has_more) {
  const bool with_eof = (client_capabilities_ & mysql::capability::kDeprecateEof) == 0;
  std::string bytes;
  auto sequence = static_cast<std::uint8_t>(reply_to_ + 1);
  const auto more = has_more ? mysql::status::kMoreResults : std::uint16_t{0};
  mysql::EofPacket eof;
  eof.status = static_cast<std::uint16_t>(state_.status | more);
  eof.warnings = warnings;
  const bool has_flag = (client_capabilities_ & mysql::capability::kOptionalResultsetMetadata) != 0;
  const bool with_columns = !leaves_out_metadata();
  std::string head(1, static_cast<char>(columns.size()));
  if (has_flag) head.push_back(with_columns ? '\1' : '\0');
  mysql::append_packet(bytes, sequence, head);
  if (with_columns) {
    for (const mysql::Column& column : columns) {
      mysql::append_packet(bytes, sequence, mysql::encode(column));
    }
  }
  if (with_eof) mysql::append_packet(bytes, sequence, mysql::encode(eof));
  for (const auto& row : rows) {
    mysql::append_packet(bytes, sequence, mysql::encode_text_row(row));
  }
  mysql::OkPacket ok;
  ok.status = eof.status;
  ok.warnings = warnings;
  mysql::append_packet(
      bytes,
      sequence,
      with_eof ? mysql::encode(eof) : mysql::encode_ok(ok, client_capabilities_, true));
  if (has_more) reply_to_ = static_cast<std::uint8_t>(sequence - 1);
  co_return co_await send_to_client(bytes);
}

}  // namespace dorsal::proxy
