#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "core/mysql/protocol.h"
#include "service/proxy/errors.h"
#include "service/proxy/probe.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

constexpr auto kRetryPause = std::chrono::milliseconds(20);

// How long a statement on the replicas port waits for its replica, beyond the usual wait.
constexpr auto kReplicasPatience = std::chrono::seconds(5);

// Longer than this without use, a connection is looked at before a statement is risked on it.
constexpr auto kIdle = std::chrono::milliseconds(500);

}  // namespace

// The server that this session's home is, or null when there is none now.
Server* Session::pick_home() const {
  const ServerView& view = *context_.view;
  const std::size_t replicas = listener_ == routing::Listener::Replicas ? view.replicas.size() : 0;
  for (std::size_t i = 0; i < replicas; ++i) {
    Server* server = view.replicas[(turn_ + i) % replicas];
    if (server->reachable) return server;
  }
  // Without any replica the primary serves those who asked for one: late data is worse than none.
  return view.primary != nullptr && view.primary->reachable ? view.primary : nullptr;
}

// False once the server of the home connection is no longer one that pick_home() would give.
bool Session::home_is_still_right() const {
  const ServerView& view = *context_.view;
  const Server* server = &home_->server();
  const auto& replicas = view.replicas;
  if (listener_ != routing::Listener::Replicas || replicas.empty()) {
    return view.primary == nullptr || view.primary == server;
  }
  return std::find(replicas.begin(), replicas.end(), server) != replicas.end();
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
    if (holds_something_at_home()) co_return std::nullopt;  // found out on sending
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

// On the replicas port: sees to it that what is about to run at home reads nothing stale. An error
// is for the client.
io::Task<std::optional<mysql::ErrPacket>> Session::catch_up_home(const Request& request) {
  const bool is_guarded = listener_ == routing::Listener::Replicas && request.consistency;
  if (!is_guarded || &home_->server() == context_.view->primary) {
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
  bool is_there = co_await wait_at_home(*position, context_.options->causal_wait);
  if (!is_there) is_there = co_await move_home(*position);
  if (!is_there) is_there = co_await wait_at_home(*position, kReplicasPatience);
  (is_there ? numbers.reads_waited : numbers.reads_refused).add();
  if (is_there) co_return std::nullopt;
  co_return errors::no_replica("none has caught up in time");
}

io::Task<bool> Session::wait_at_home(const routing::Position& position, Duration patience) {
  if (home_ == nullptr) co_return false;
  const std::string sql = wait_for_position(shared_.frontier.text(position), patience);
  const Deadline limit = context_.loop.after(patience + context_.options->connect_limit);
  auto reply = co_await home_->run(sql, limit);
  if (!reply) {
    // Whatever comes over it now is no answer to what is asked next.
    home_->stream().close();
    if (!holds_something_at_home()) home_.reset();
    co_return false;
  }
  const bool is_there = !reply->err && reply->first_field == "0";
  if (is_there) shared_.frontier.executed(home_->server().index, position);
  co_return is_there;
}

// Makes a replica that is known to be there the session's home.
io::Task<bool> Session::move_home(const routing::Position& position) {
  if (holds_something_at_home()) co_return false;
  for (Server* server : context_.view->replicas) {
    if (!server->reachable || !shared_.frontier.covers(server->index, position)) continue;
    const Deadline limit = context_.loop.after(context_.options->connect_limit);
    home_.reset();
    auto refused = co_await open_home(*server, limit);
    co_return !refused;
  }
  if (home_ != nullptr) co_return false;
  const Deadline limit = context_.loop.after(context_.options->primary_limit);
  (void)co_await ensure_home(limit);
  co_return false;
}

io::Task<Session::Outcome> Session::run_at_home(Request request, const sql::Statement& statement) {
  for (int attempt = 0;; ++attempt) {
    auto refused = co_await ensure_home(context_.loop.after(context_.options->primary_limit));
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
    const bool is_repeatable =
        (!was_sent || is_pure_read) && request.rest == nullptr && !holds_something_at_home();
    if (!is_repeatable || attempt > 0) co_return co_await home_is_lost(was_sent, statement);
    shared_.numbers.reads_retried.add();
    home_.reset();
  }
}

bool Session::holds_something_at_home() const {
  return state_.in_transaction() || !state_.autocommit || state_.pins.any();
}

// Sends the request home and relays its reply. `is_broken`: the connection failed before the client
// got anything; `was_sent` then tells whether the server may have the request.
io::Task<Session::Outcome> Session::try_at_home(const Request& request,
                                                bool& was_sent,
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
    auto forwarded = co_await forward_rest(&home, *request.rest);
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
  const bool was_in_transaction = state_.in_transaction();
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
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  auto variables = backend.sync_variables_command();
  auto schema = backend.sync_schema_command();
  reader_inbox_.clear();
  for (auto [command, shape] : {std::pair(&variables, mysql::ReplyShape::Results),
                                std::pair(&schema, mysql::ReplyShape::OnePacket)}) {
    if (command->empty()) continue;
    std::string bytes;
    mysql::append_command(bytes, *command);
    DORSAL_CO_TRY_VOID(co_await backend.stream().write_all(bytes, deadline));
    auto reply = co_await read_inner_reply(backend, shape, deadline);
    if (!reply) co_return reply.error();
    if (reply->err) co_return unavailable(mysql::to_string(*reply->err));
  }
  backend.synced();
  co_return Result<void>();
}

}  // namespace dorsal::proxy
