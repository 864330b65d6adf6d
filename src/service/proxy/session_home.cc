#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "core/mysql/protocol.h"
#include "service/proxy/errors.h"
#include "service/proxy/probe.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

using Progress = mysql::ReplyRelay::Progress;

// ER_OPTION_PREVENTS_STATEMENT: a replica runs with --super-read-only. Nothing has been done.
constexpr std::uint16_t kReadOnlyServer = 1290;

constexpr auto kRetryPause = std::chrono::milliseconds(20);

// The status flags that belong to the session rather than to one statement.
constexpr std::uint16_t kSessionStatus =
    mysql::status::kInTransaction | mysql::status::kAutocommit |
    mysql::status::kNoBackslashEscapes | mysql::status::kInReadOnlyTransaction;

// How long a statement on the replicas port waits for its replica, beyond the usual wait.
constexpr auto kReplicasPatience = std::chrono::seconds(5);

// While a reply lets itself be waited for, the client is looked at this often, and what it sends
// meanwhile is kept up to a limit.
constexpr auto kLookAtClient = std::chrono::seconds(1);
constexpr std::size_t kPeek = 4096;
constexpr std::size_t kMostReadAhead = 64 * 1024;

// Longer than this without use, a connection is looked at before a statement is risked on it.
constexpr auto kIdle = std::chrono::milliseconds(500);

}  // namespace

// The server that this session's home is, or null when there is none now.
Server* Session::pick_home() const {
  const ServerView& view = *context_.view;
  if (listener_ != routing::Listener::Replicas) {
    return view.primary != nullptr && view.primary->reachable ? view.primary : nullptr;
  }
  for (std::size_t i = 0; i < view.replicas.size(); ++i) {
    Server* server = view.replicas[(turn_ + i) % view.replicas.size()];
    if (server->reachable) return server;
  }
  // Without any replica the primary serves those who asked for one: late data is worse than none.
  return view.primary != nullptr && view.primary->reachable ? view.primary : nullptr;
}

// False once the server of the home connection is no longer one that pick_home() would give.
bool Session::home_is_still_right() const {
  const ServerView& view = *context_.view;
  const Server* server = &home_->server();
  if (listener_ != routing::Listener::Replicas) {
    return view.primary == nullptr || view.primary == server;
  }
  const auto& replicas = view.replicas;
  return replicas.empty() || std::find(replicas.begin(), replicas.end(), server) != replicas.end();
}

io::Task<std::optional<mysql::ErrPacket>> Session::open_home(Server& server, Deadline deadline) {
  auto opened = co_await Backend::open(context_, server, identity_, state_, id_, deadline);
  if (!opened) co_return errors::no_primary(opened.error().message);
  if (opened->refused) co_return opened->refused;
  home_ = std::move(opened->backend);
  state_.status = home_->login_status();
  // A home that is made anew gets what the session had set before.
  auto brought = co_await bring_up_to_date(*home_);
  if (brought) co_return std::nullopt;
  home_.reset();
  co_return errors::no_primary(brought.error().message);
}

// Makes sure that there is a home connection; else says what to tell the client.
io::Task<std::optional<mysql::ErrPacket>> Session::ensure_home(Deadline deadline) {
  context_.refresh_view();
  if (home_ != nullptr) {
    const bool is_idle = context_.loop.now() - home_->last_used() > kIdle;
    const bool is_good = home_is_still_right() && (!is_idle || home_->is_alive());
    if (is_good) co_return std::nullopt;
    const bool was_in_transaction = (state_.status & mysql::status::kInTransaction) != 0;
    if (was_in_transaction || state_.pins.any()) co_return std::nullopt;  // found out on sending
    home_.reset();
  }
  mysql::ErrPacket why = errors::no_primary("the cluster has none at the moment");
  while (!deadline.has_passed(context_.loop.now())) {
    context_.refresh_view();
    if (Server* server = pick_home()) {
      auto refused = co_await open_home(*server, deadline);
      if (!refused || refused->code != 1053) co_return refused;
      why = *refused;
    }
    const Deadline pause = context_.loop.after(kRetryPause);
    const bool goes_on = co_await context_.loop.sleep_until(pause);
    if (!goes_on) break;
  }
  co_return why;
}

// On the replicas port: sees to it that what is about to run at home reads nothing stale. In a
// transaction what it reads was settled when it began. An error is for the client.
io::Task<std::optional<mysql::ErrPacket>> Session::catch_up_home(const Request& request) {
  const bool in_transaction = (state_.status & mysql::status::kInTransaction) != 0;
  const bool is_guarded = listener_ == routing::Listener::Replicas && request.consistency;
  if (!is_guarded || in_transaction || &home_->server() == context_.view->primary) {
    co_return std::nullopt;
  }
  ProxyNumbers& numbers = shared_.numbers;
  auto position = co_await required(*request.consistency);
  if (!position) {
    numbers.reads_refused.add();
    co_return errors::no_replica("how far one must have come is not known");
  }
  if (shared_.frontier.covers(home_->server().index, *position)) {
    numbers.reads_at_once.add();
    co_return std::nullopt;
  }
  bool is_there = co_await wait_at_home(*position, shared_.options.causal_wait);
  if (!is_there) is_there = co_await move_home(*position);
  if (!is_there) is_there = co_await wait_at_home(*position, kReplicasPatience);
  (is_there ? numbers.reads_waited : numbers.reads_refused).add();
  if (is_there) co_return std::nullopt;
  co_return errors::no_replica("none has caught up in time");
}

io::Task<bool> Session::wait_at_home(const routing::Position& position, Duration patience) {
  if (home_ == nullptr) co_return false;
  const std::string sql = wait_for_position(shared_.frontier.text(position), patience);
  const Deadline limit = context_.loop.after(patience + shared_.options.connect_limit);
  auto reply = co_await home_->run(sql, limit);
  if (!reply) {
    // Whatever comes over it now is no answer to what is asked next.
    if (!state_.pins.any()) home_.reset();
    if (home_) home_->stream().close();
    co_return false;
  }
  const bool is_there = !reply->err && reply->first_field == "0";
  if (is_there) shared_.frontier.executed(home_->server().index, position);
  co_return is_there;
}

// Makes a replica that is known to be there the session's home.
io::Task<bool> Session::move_home(const routing::Position& position) {
  if (state_.pins.any()) co_return false;
  for (Server* server : context_.view->replicas) {
    if (!server->reachable || !shared_.frontier.covers(server->index, position)) continue;
    const Deadline limit = context_.loop.after(shared_.options.connect_limit);
    home_.reset();
    auto refused = co_await open_home(*server, limit);
    co_return !refused;
  }
  if (home_ != nullptr) co_return false;
  const Deadline limit = context_.loop.after(shared_.options.primary_limit);
  (void)co_await ensure_home(limit);
  co_return false;
}

io::Task<Session::Outcome> Session::run_at_home(Request request, const sql::Statement& statement) {
  for (int attempt = 0;; ++attempt) {
    auto refused = co_await ensure_home(context_.loop.after(shared_.options.primary_limit));
    if (!refused) refused = co_await catch_up_home(request);
    if (refused) co_return co_await send_err(*refused);
    bool was_sent = false;
    bool is_broken = false;
    const Outcome outcome = co_await try_at_home(request, was_sent, is_broken);
    if (outcome == Outcome::Closed) co_return outcome;
    if (!is_broken) {
      note_end(statement);
      co_return outcome;
    }
    // What never left can be sent again, and so can a read that nobody has seen anything of. Any
    // other statement may have taken effect, and is never sent twice.
    const bool is_pure_read = !statement.may_write && statement.place == sql::Place::AnyReplica;
    const bool is_repeatable = (!was_sent || is_pure_read) && request.rest == nullptr &&
                               !holds_something_at_home();
    if (!is_repeatable || attempt > 0) co_return co_await home_is_lost(was_sent, statement);
    shared_.numbers.reads_retried.add();
    home_.reset();
  }
}

bool Session::holds_something_at_home() const {
  const bool in_transaction = (state_.status & mysql::status::kInTransaction) != 0;
  return in_transaction || !state_.autocommit || state_.pins.any();
}

// Sends the request home and relays its reply. `is_broken`: the connection failed before the client
// got anything; `was_sent` then tells whether the server may have the request.
io::Task<Session::Outcome> Session::try_at_home(const Request& request, bool& was_sent,
                                                bool& is_broken) {
  Backend& home = *home_;
  std::string payload = request.payload;
  if (request.executes) {
    auto refused = co_await translate_statement(home, *request.executes, payload);
    is_broken = !refused;
    if (is_broken) co_return Outcome::Answered;
    if (*refused) co_return co_await send_err(**refused);
  }
  std::string bytes = home.take_closes();
  const std::uint32_t frame_left = request.rest == nullptr ? 0 : request.rest->frame_left;
  Writer writer(bytes);
  writer.u24(static_cast<std::uint32_t>(payload.size()) + frame_left);
  writer.u8(0);
  writer.put(payload);
  home.relay().begin(request.shape, 0, request.statement_id);
  home.server().statements.add();
  std::string_view left = bytes;
  was_sent = home.stream().try_write(left);
  if (!was_sent) {
    auto sent = co_await home.stream().write_all(left, Deadline::never());
    was_sent = sent.has_value();
  }
  if (was_sent && request.rest != nullptr) {
    auto forwarded = co_await forward_rest(home, *request.rest);
    if (!forwarded) co_return Outcome::Closed;
  }
  is_broken = !was_sent;
  if (is_broken) co_return Outcome::Answered;
  reader_inbox_.clear();
  const RelayEnd end = co_await relay_reply(home, request);
  home.used(context_.loop.now());
  is_broken = end == RelayEnd::Broken;
  co_return end == RelayEnd::Closed ? Outcome::Closed : Outcome::Answered;
}

// Tells the client what is lost with the home connection. The session lives on when the proxy can
// make everything again that it had there.
io::Task<Session::Outcome> Session::home_is_lost(bool was_sent, const sql::Statement& statement) {
  const bool was_in_transaction = (state_.status & mysql::status::kInTransaction) != 0;
  const bool is_irreplaceable = state_.pins.any() || !state_.autocommit;
  const bool is_open = was_sent && (statement.may_write || statement.kind == sql::Kind::Commit);
  const bool may_have_committed =
      is_open && (!was_in_transaction || statement.kind == sql::Kind::Commit);
  home_.reset();
  state_.status = static_cast<std::uint16_t>(state_.status & ~mysql::status::kInTransaction);
  mysql::ErrPacket err = errors::no_primary("its connection was lost");
  if (is_irreplaceable) err = errors::session_lost();
  if (was_in_transaction) err = errors::transaction_lost();
  if (may_have_committed) err = errors::outcome_unknown();
  const Outcome told = co_await send_err(std::move(err));
  co_return is_irreplaceable ? Outcome::Closed : told;
}

// Waits for the next bytes of a reply, and meanwhile sees when the client goes away: it is closed
// then. Its statement runs on at the server, as it would without a proxy.
io::Task<Result<std::size_t>> Session::read_reply(Backend& backend, char* buffer) {
  for (;;) {
    const Deadline look = context_.loop.after(kLookAtClient);
    auto size =
        co_await backend.stream().read_some(buffer, LoopContext::kBufferBytes, look);
    const bool goes_on = !size && size.error().kind == ErrorKind::Timeout;
    if (!goes_on) co_return size;
    if (!client_is_gone()) continue;
    client_.close();
    co_return size;
  }
}

bool Session::client_is_gone() {
  const std::size_t had = inbox_.size();
  if (had >= kMostReadAhead) return false;  // it has commands to send, so it is there
  inbox_.resize(had + kPeek);
  auto size = client_.try_read(inbox_.data() + had, kPeek);
  inbox_.resize(had + (size ? *size : 0));
  return !size;
}

// Moves the reply from a server to the client.
io::Task<Session::RelayEnd> Session::relay_reply(Backend& backend, const Request& request) {
  mysql::ReplyRelay& relay = backend.relay();
  const bool is_home = &backend == home_.get();
  last_relayed_ = &backend;
  auto buffer = context_.take_buffer();
  std::size_t gtids_seen = 0;
  std::size_t variables_seen = 0;
  bool has_sent = false;
  outbox_.clear();
  for (;;) {
    auto bytes = std::string_view(reader_inbox_);
    if (bytes.empty()) {
      auto size = co_await read_reply(backend, buffer.get());
      if (!size && !client_.is_open()) co_return RelayEnd::Closed;
      if (!size) {
        log_debug("proxy", "session={} server={} reply broken off: {}", id_,
                  backend.server().name.value(), size.error().message);
        co_return has_sent ? RelayEnd::Closed : RelayEnd::Broken;
      }
      bytes = std::string_view(buffer.get(), *size);
    }
    auto progress = relay.feed(bytes, outbox_);
    if (!progress || relay.consumed() != bytes.size()) {
      log_warn("proxy", "session={} server={} broke the protocol: {}", id_,
               backend.server().name.value(),
               progress ? "bytes beyond the reply" : progress.error().message);
      co_return has_sent ? RelayEnd::Closed : RelayEnd::Broken;
    }
    reader_inbox_.clear();
    // Whoever is told of a write must find it in everybody's reads from now on: first the
    // frontier, then the client.
    absorb(backend, gtids_seen, variables_seen);
    if (*progress == Progress::Done) {
      context_.give_buffer(std::move(buffer));
      const auto& summary = relay.summary();
      const bool is_refused = summary.err && summary.err->code == kReadOnlyServer;
      if (is_refused && !is_home && !has_sent) co_return RelayEnd::ReadOnly;
      if (summary.err && request.may_write) co_await settle_position_after_error();
      if (summary.has_ok) state_.status = summary.status & kSessionStatus;
      const Outcome sent = co_await send_to_client(outbox_);
      co_return sent == Outcome::Closed ? RelayEnd::Closed : RelayEnd::Answered;
    }
    if (!outbox_.empty()) {
      const Outcome sent = co_await send_to_client(outbox_);
      if (sent == Outcome::Closed) co_return RelayEnd::Closed;
      has_sent = true;
      outbox_.clear();
    }
    if (*progress == Progress::LocalFile) {
      const bool forwarded = co_await forward_local_file(backend);
      if (!forwarded) co_return RelayEnd::Closed;
    }
  }
}

// Takes up what the reply's OKs have said since the last call.
void Session::absorb(Backend& backend, std::size_t& gtids_seen, std::size_t& variables_seen) {
  const mysql::ReplySummary& summary = backend.relay().summary();
  for (; gtids_seen < summary.gtids.size(); ++gtids_seen) {
    state_.own.raise(shared_.frontier.tell(summary.gtids[gtids_seen]));
  }
  const bool has_news = variables_seen < summary.variables.size() || summary.schema;
  for (; variables_seen < summary.variables.size(); ++variables_seen) {
    const auto& [name, value] = summary.variables[variables_seen];
    state_.note_variable(name, value);
  }
  if (summary.schema) state_.note_schema(*summary.schema);
  if (has_news) backend.is_origin_of_state();
}

// After an ERR of something that may have committed a part of itself, nobody was told how far the
// primary is now. Asking it keeps the promise that a read sees what its session has done.
io::Task<> Session::settle_position_after_error() {
  if (listener_ == routing::Listener::Primary) co_return;
  auto position = co_await context_.probe->position(
      context_.loop.after(shared_.options.connect_limit));
  if (!position) {
    shared_.frontier.lose_track();
    co_return;
  }
  shared_.frontier.tell(*position);
  state_.own.raise(*position);
}

// A statement at home has ended, with its reply at the client.
void Session::note_end(const sql::Statement& statement) {
  state_.last_ran_on_reader = false;
  if (home_ == nullptr) return;
  if (!home_->relay().summary().err) {
    state_.pins = state_.pins.without(statement.unpins) | statement.pins;
  } else if (statement.may_write) {
    state_.pins |= statement.pins;  // a part of it may have taken effect
  }
}

// Sets on a connection what the session has changed elsewhere since, ahead of what needs it.
io::Task<Result<void>> Session::bring_up_to_date(Backend& backend) {
  const Deadline deadline = context_.loop.after(shared_.options.connect_limit);
  auto variables = backend.sync_variables_command();
  auto schema = backend.sync_schema_command();
  reader_inbox_.clear();
  for (auto [command, shape] : {std::pair(&variables, mysql::ReplyShape::Results),
                                std::pair(&schema, mysql::ReplyShape::OnePacket)}) {
    if (command->empty()) continue;
    std::string bytes;
    std::uint8_t sequence = 0;
    mysql::append_packet(bytes, sequence, *command);
    DORSAL_CO_TRY_VOID(co_await backend.stream().write_all(bytes, deadline));
    auto reply = co_await read_inner_reply(backend, shape, deadline);
    if (!reply) co_return reply.error();
    if (reply->err) co_return unavailable(mysql::to_string(*reply->err));
  }
  backend.synced();
  co_return Result<void>();
}

// The rest of a command that was too large to be read whole, packet by packet.
io::Task<Result<void>> Session::forward_rest(Backend& backend, const ClientCommand& command) {
  std::uint64_t left = command.frame_left;
  bool goes_on = command.frame_is_full;
  for (;;) {
    while (left > 0) {
      DORSAL_CO_TRY_VOID(co_await fill_inbox(1, Deadline::never()));
      const std::size_t part = std::min<std::uint64_t>(left, inbox_.size());
      auto bytes = std::string_view(inbox_).substr(0, part);
      DORSAL_CO_TRY_VOID(co_await backend.stream().write_all(bytes, Deadline::never()));
      inbox_.erase(0, part);
      left -= part;
    }
    if (!goes_on) co_return Result<void>();
    DORSAL_CO_TRY_VOID(co_await fill_inbox(mysql::kHeaderSize, Deadline::never()));
    const mysql::Header header = mysql::read_header(inbox_.data());
    left = mysql::kHeaderSize + header.length;  // the header goes along
    goes_on = header.length == mysql::kMaxPayload;
    reply_to_ = header.sequence;
    backend.relay().expect_after(reply_to_);
  }
}

// Reads the rest of a large command that no server will have.
io::Task<Result<void>> Session::drop_rest(const ClientCommand& command) {
  std::uint64_t left = command.frame_left;
  bool goes_on = command.frame_is_full;
  for (;;) {
    while (left > 0) {
      DORSAL_CO_TRY_VOID(co_await fill_inbox(1, Deadline::never()));
      const std::size_t part = std::min<std::uint64_t>(left, inbox_.size());
      inbox_.erase(0, part);
      left -= part;
    }
    if (!goes_on) co_return Result<void>();
    DORSAL_CO_TRY_VOID(co_await fill_inbox(mysql::kHeaderSize, Deadline::never()));
    const mysql::Header header = mysql::read_header(inbox_.data());
    left = mysql::kHeaderSize + header.length;
    goes_on = header.length == mysql::kMaxPayload;
  }
}

// LOAD DATA LOCAL: the client's packets go to the server until an empty one ends the file.
io::Task<bool> Session::forward_local_file(Backend& backend) {
  mysql::ReplyRelay& relay = backend.relay();
  const std::uint8_t shift = relay.sequence_shift();
  for (;;) {
    auto header_read = co_await fill_inbox(mysql::kHeaderSize, Deadline::never());
    if (!header_read) co_return false;
    const mysql::Header header = mysql::read_header(inbox_.data());
    inbox_[3] = static_cast<char>(header.sequence - shift);
    std::size_t left = mysql::kHeaderSize + header.length;
    while (left > 0) {
      auto read = co_await fill_inbox(1, Deadline::never());
      if (!read) co_return false;
      const std::size_t part = std::min(left, inbox_.size());
      auto bytes = std::string_view(inbox_).substr(0, part);
      auto sent = co_await backend.stream().write_all(bytes, Deadline::never());
      if (!sent) co_return false;
      inbox_.erase(0, part);
      left -= part;
    }
    if (header.length == 0) {
      relay.client_sent_file(header.sequence);
      co_return true;
    }
  }
}

}  // namespace dorsal::proxy
