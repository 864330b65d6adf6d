// The bytes of commands and replies between the client and one server.
#include <fmt/format.h>

#include "base/log.h"
#include "core/sql/tracked.h"
#include "service/proxy/errors.h"
#include "service/proxy/probe.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

using Progress = mysql::ReplyRelay::Progress;

constexpr std::uint16_t kReadOnlyMode = 1836;  // ER_READ_ONLY_MODE: said of a commit

// The other error is that of other options, too; their names are in every language's text.
bool says_read_only(const mysql::ErrPacket& err) {
  if (err.code == kReadOnlyMode) return true;
  return err.code == errors::kReadOnlyServer && err.message.find("read-only") != std::string::npos;
}

// While a reply lets itself be waited for, the client is looked at this often, and what it sends
// meanwhile is kept up to a limit.
constexpr auto kLookAtClient = std::chrono::seconds(1);
constexpr std::size_t kPeek = 4096;
constexpr std::size_t kMostReadAhead = std::size_t{64} * 1024;

}  // namespace

// Waits for the next bytes of a reply, and meanwhile sees when the client goes away: it is closed
// then. Its statement runs on at the server, as it would without a proxy.
io::Task<Result<std::size_t>> Session::read_reply(Backend& backend, char* buffer) {
  for (;;) {
    const Deadline look = context_.loop.after(kLookAtClient);
    auto size = co_await backend.stream().read_some(buffer, LoopContext::kBufferBytes, look);
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
  mysql::ReplyRelay& relay = *relay_;
  const bool is_home = &backend == home_.get();
  auto buffer = context_.take_buffer();
  bool has_begun = false;
  bool has_sent = false;
  context_.take_text(outbox_);
  outbox_.clear();
  for (;;) {
    auto bytes = std::string_view(reader_inbox_);
    if (bytes.empty()) {
      auto size = co_await read_reply(backend, buffer.get());
      if (!size && !client_.is_open()) co_return RelayEnd::Closed;
      if (!size) {
        log_debug("proxy",
                  "session={} server={} reply broken off: {}",
                  id_,
                  backend.server().name.value(),
                  size.error().message);
        co_return has_sent ? RelayEnd::Closed : RelayEnd::Broken;
      }
      bytes = std::string_view(buffer.get(), *size);
      if (!has_begun) first_answer_at_ = context_.loop.now();
    }
    has_begun = true;
    auto progress = relay.feed(bytes, outbox_);
    if (!progress || relay.consumed() != bytes.size()) {
      log_warn("proxy",
               "session={} server={} broke the protocol: {}",
               id_,
               backend.server().name.value(),
               progress ? "bytes beyond the reply" : progress.error().message);
      co_return has_sent ? RelayEnd::Closed : RelayEnd::Broken;
    }
    reader_inbox_.clear();
    // Whoever is told of a write must find it in everybody's reads from now on: first the
    // frontier, then the client.
    absorb(backend);
    if (*progress == Progress::Done) {
      context_.give_buffer(std::move(buffer));
      const auto& summary = relay.summary();
      const bool is_refused = summary.err && summary.err->code == errors::kReadOnlyServer;
      const bool is_replica = !is_home || (read_only_ && !summary.has_ok);
      if (is_refused && is_replica && !has_sent) co_return RelayEnd::ReadOnly;
      const bool is_primary = is_home && !read_only_ && listener_ != routing::Listener::Replicas;
      const bool has_done_nothing = !summary.has_ok && !has_sent;
      const bool is_closed = summary.err && says_read_only(*summary.err);
      const bool is_on_purpose = is_closed && is_closed_on_purpose(backend.server());
      if (is_closed && is_primary && has_done_nothing && !is_on_purpose) {
        co_return RelayEnd::PrimaryIsClosed;
      }
      const bool is_untold = summary.err || backend.is_blind;
      if (is_untold && request.may_write) co_await settle_position_after_error();
      if (summary.has_ok) state_.note_status(summary.status);
      if (summary.transaction_state) state_.note_transaction_state(*summary.transaction_state);
      if (summary.characteristics) {
        state_.has_next_transaction = !summary.characteristics->empty() && !state_.in_transaction();
      }
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

// Behind an ERR, which tells of nothing that has changed. The client hears of it with its next OK,
// whichever server that comes from.
io::Task<Session::RelayEnd> Session::ask_for_changes(Backend& backend) {
  std::string bytes = backend.take_closes();
  mysql::append_command(bytes, std::string(1, static_cast<char>(mysql::Command::Ping)));
  relay_->change_server(backend.capabilities(), !backend.tells_all_gtids);
  relay_->begin(mysql::ReplyShape::OnePacket);
  relay_->withhold();
  auto sent = co_await backend.stream().write_all(bytes, Deadline::never());
  if (!sent) co_return RelayEnd::Broken;
  reader_inbox_.clear();
  Request nothing;
  nothing.may_write = false;
  co_return co_await relay_reply(backend, nothing);
}

// A server that executes a statement prepared under another schema returns to the session's
// afterwards, and tells so as if it were a change.
io::Task<> Session::hear_of_schema(Backend& backend, const Request& request) {
  if (!request.executes || succeeded_) co_return;
  auto executed = state_.prepared.find(*request.executes);
  const bool is_there = executed != state_.prepared.end();
  if (!is_there || executed->second.text->schema == state_.schema()) co_return;
  const RelayEnd end = co_await ask_for_changes(backend);
  if (end != RelayEnd::Answered) backend.is_spoilt = true;
}

// Takes up what the reply's OKs have said since the last call.
void Session::absorb(Backend& backend) {
  const mysql::ReplySummary& summary = relay_->summary();
  const mysql::ReplyRelay::Changes changes = relay_->take_changes();
  for (const std::string& gtids : changes.gtids) note_gtids(backend, gtids);
  const bool has_news = !changes.variables.empty() || summary.schema;
  for (const auto& [name, value] : changes.variables) {
    state_.note_variable(name, value);
    if (sql::is_guarded(name)) note_tracker(backend, name, value);
  }
  if (summary.schema) state_.note_schema(*summary.schema);
  if (has_news) {
    backend.variables = state_.variables();
    backend.schema = state_.schema();
  }
}

// A prepared statement or a procedure has set what the proxy relies on, and has meant the client's.
void Session::note_tracker(Backend& backend, const std::string& name, const std::string& value) {
  (void)apply_own_variable(name, value);
  backend.is_blind = true;
  // Of other variables nobody may have told since.
  if (name == sql::kTrackerList) state_.pins |= sql::Pin::SessionVariable;
}

// Finds out what the server tells of, and notes what is not as the proxy has set it.
io::Task<> Session::compare_trackers(Backend& backend, Deadline deadline) {
  const std::pair<std::string_view, std::string_view> expected[] = {
      {"session_track_gtids", backend.tells_all_gtids ? "ALL_GTIDS" : "OWN_GTID"},
      {"session_track_schema", "1"},
      {"session_track_state_change", "1"},
      {"session_track_transaction_info", "CHARACTERISTICS"},
      {sql::kTrackerList, sql::tracked_variables()},
  };
  std::string question;
  for (const auto& [name, value] : expected) {
    question += fmt::format("{}@@SESSION.{}", question.empty() ? "SELECT " : ", ", name);
  }
  co_await take_diagnostics();
  auto reply = co_await backend.query(question + " LIMIT 1", deadline);
  if (!reply || reply->err || reply->results.at(0).rows.empty()) {
    backend.is_spoilt = true;
    co_return;
  }
  const auto& row = reply->results[0].rows[0];
  for (std::size_t i = 0; i < std::size(expected) && i < row.size(); ++i) {
    const auto& [name, value] = expected[i];
    if (row[i] != value) note_tracker(backend, std::string(name), row[i].value_or(""));
  }
}

// After a statement that may have run code which nobody has seen. A server tells of the trackers
// that it has set, but for the list of variables to tell of: of that, only that something changed.
io::Task<> Session::look_after_trackers(Backend& backend, const sql::Statement& statement) {
  is_list_unsure_ |= statement.pins.has(sql::Pin::Hidden) && relay_->summary().state_changed;
  // A SELECT would use it up.
  if (state_.has_next_transaction) co_return;
  const bool must_ask = std::exchange(is_list_unsure_, false) && !backend.is_blind;
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  if (must_ask) co_await compare_trackers(backend, deadline);
  if (!backend.is_blind || state_.in_transaction()) co_return;
  co_await take_diagnostics();
  (void)co_await backend.track_again(deadline);
}

// GTIDs of own writes, of which the client is about to be told; or how far a replica has come,
// which a later read of this session must not fall behind.
void Session::note_gtids(Backend& backend, const std::string& gtids) {
  lower_to_repaired();
  if (!backend.tells_all_gtids) {
    state_.own.raise(shared_.frontier.tell(gtids));
    state_.has_read_primary = false;  // a write comes after all that its session could see
    return;
  }
  auto position = shared_.frontier.executed(backend.server().index, gtids);
  if (!position) return;
  state_.own.raise(*position);
  state_.has_read_replica = true;
}

// What was lost in a fail-over is not waited for.
void Session::lower_to_repaired() {
  const std::uint64_t repairs = shared_.frontier.repairs();
  if (repairs == repairs_seen_) return;
  repairs_seen_ = repairs;
  shared_.frontier.lower_to_repaired(state_.own);
}

// After an ERR of something that may have committed a part of itself, nobody was told how far the
// primary is now. Asking it keeps the promise that a read sees what its session has done.
io::Task<> Session::settle_position_after_error() {
  if (listener_ == routing::Listener::Primary) co_return;
  auto position =
      co_await context_.probe->position(context_.loop.after(context_.options->connect_limit));
  if (!position) {
    shared_.frontier.lose_track();
    co_return;
  }
  shared_.frontier.tell(*position);
  state_.own.raise(*position);
}

// Reads one reply that the client never sees. What came behind it stays in reader_inbox_.
io::Task<Result<mysql::ReplySummary>> Session::read_inner_reply(Backend& reader,
                                                                mysql::ReplyShape shape,
                                                                Deadline deadline) {
  mysql::ReplyRelay& relay = reader.inner();
  relay.begin(shape, 0, std::nullopt, true);
  std::string ignored;
  for (;;) {
    if (!reader_inbox_.empty()) {
      auto progress = relay.feed(reader_inbox_, ignored);
      if (!progress) co_return progress.error();
      reader_inbox_.erase(0, relay.consumed());
      if (*progress == Progress::Done) co_return relay.summary();
    }
    auto buffer = context_.take_buffer();
    auto size = co_await reader.stream().read_some(buffer.get(),
                                                   LoopContext::kBufferBytes,
                                                   deadline,
                                                   io::Precision::Exact);
    if (size) reader_inbox_.append(buffer.get(), *size);
    context_.give_buffer(std::move(buffer));
    if (!size) co_return size.error();
  }
}

// So many bytes of the client, as they come. Without a backend they are read and dropped.
io::Task<Result<void>> Session::forward_bytes(Backend* backend, std::size_t left) {
  while (left > 0) {
    DORSAL_CO_TRY_VOID(co_await fill_inbox(1, Deadline::never()));
    const std::size_t part = std::min(left, inbox_.size());
    auto bytes = std::string_view(inbox_).substr(0, part);
    if (backend != nullptr) {
      DORSAL_CO_TRY_VOID(co_await backend->stream().write_all(bytes, Deadline::never()));
    }
    inbox_.erase(0, part);
    left -= part;
  }
  co_return Result<void>();
}

// The rest of a command that was too large to be read whole, packet by packet. Without a backend
// it is read and dropped.
io::Task<Result<void>> Session::forward_rest(Backend* backend, const ClientCommand& command) {
  std::size_t left = command.frame_left;
  bool goes_on = command.frame_is_full;
  for (;;) {
    DORSAL_CO_TRY_VOID(co_await forward_bytes(backend, left));
    if (!goes_on) co_return Result<void>();
    DORSAL_CO_TRY_VOID(co_await fill_inbox(mysql::kHeaderSize, Deadline::never()));
    const mysql::Header header = mysql::read_header(inbox_.data());
    left = mysql::kHeaderSize + header.length;  // the header goes along
    goes_on = header.length == mysql::kMaxPayload;
    reply_to_ = header.sequence;
    if (backend != nullptr) relay_->expect_after(reply_to_);
  }
}

// LOAD DATA LOCAL: the client's packets go to the server until an empty one ends the file.
io::Task<bool> Session::forward_local_file(Backend& backend) {
  mysql::ReplyRelay& relay = *relay_;
  const std::uint8_t shift = relay.sequence_shift();
  for (;;) {
    auto header_read = co_await fill_inbox(mysql::kHeaderSize, Deadline::never());
    if (!header_read) co_return false;
    const mysql::Header header = mysql::read_header(inbox_.data());
    inbox_[3] = static_cast<char>(header.sequence - shift);
    auto forwarded = co_await forward_bytes(&backend, mysql::kHeaderSize + header.length);
    if (!forwarded) co_return false;
    if (header.length == 0) {
      relay.client_sent_file(header.sequence);
      co_return true;
    }
  }
}

}  // namespace dorsal::proxy
