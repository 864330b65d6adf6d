#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "core/mysql/protocol.h"
#include "service/proxy/errors.h"
#include "service/proxy/probe.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

constexpr std::uint16_t kUnknownSchema = 1049;  // ER_BAD_DB_ERROR

constexpr auto kRetryPause = std::chrono::milliseconds(20);

// How long a statement on the replicas port waits for its replica, beyond the usual wait.
constexpr auto kReplicasPatience = std::chrono::seconds(5);

// Longer than this without use, a connection is looked at before a statement is risked on it.
constexpr auto kIdle = std::chrono::milliseconds(10);

// Servers read and write tables of their own for it, in a transaction that is over with it.
bool has_inner_transaction(const sql::Statement& statement, mysql::ReplyShape shape) {
  const bool is_about_one =
      statement.rule == "account" || statement.rule == "set_account" || statement.rule == "install";
  return is_about_one && shape == mysql::ReplyShape::Results;
}

}  // namespace

// The server that this session's home is, or null when there is none now.
Server* Session::pick_home() {
  const ServerView& view = *context_.view;
  if (listener_ == routing::Listener::Replicas) {
    const auto& replicas = view.replicas;
    const bool is_there =
        std::find(replicas.begin(), replicas.end(), home_replica_) != replicas.end();
    bool must_wait = false;
    if (!is_there || !home_replica_->may_serve_reads(max_lag())) {
      home_replica_ = choose(routing::Position(), true, must_wait);
    }
    if (home_replica_ != nullptr) return home_replica_;
  }
  // Without any replica the primary serves those who asked for one: late data is worse than none.
  const bool is_there = view.primary != nullptr && view.primary->reachable;
  if (!is_there || !view.takes_statements(*view.primary)) return nullptr;
  const bool is_closed = view.primary->is_closed_for_now(context_.view_version(),
                                                         view.topology->leadership.term,
                                                         context_.loop.now(),
                                                         context_.options->primary_limit);
  return is_closed ? nullptr : view.primary;
}

// It is primary all the same, and what it says of writes is the answer to them.
bool Session::is_closed_on_purpose(const Server& server) const {
  const ServerView& view = *context_.view;
  if (!view.takes_statements(server)) return false;
  return server.is_closed_on_purpose(view.topology->leadership.term,
                                     context_.loop.now(),
                                     context_.options->primary_limit);
}

// Home has refused to write, and the session cannot leave it. True: it has turned out that this was
// on purpose. False: another primary takes its place, and home is lost.
io::Task<bool> Session::learns_why_home_is_closed() {
  while (home_ && home_->stream().is_open()) {
    context_.refresh_view();
    if (!context_.view->takes_statements(home_->server())) co_return false;
    if (is_closed_on_purpose(home_->server())) co_return true;
    const Deadline pause = context_.loop.after(kRetryPause);
    const bool goes_on = co_await context_.loop.sleep_until(pause);
    if (!goes_on) break;
  }
  co_return false;
}

// False once the server of the home connection is no longer one that pick_home() would give.
bool Session::home_is_still_right() const {
  const ServerView& view = *context_.view;
  const Server* server = &home_->server();
  const auto& replicas = view.replicas;
  const bool is_on_replica = listener_ == routing::Listener::Replicas || read_only_;
  if (!is_on_replica || replicas.empty()) {
    return view.primary == nullptr || (view.primary == server && view.primary_is_open());
  }
  return std::find(replicas.begin(), replicas.end(), server) != replicas.end();
}

// What runs there still would never be answered, if that server hangs, or would not count.
void Session::leave_deposed_primary() {
  const bool is_on_replica = listener_ == routing::Listener::Replicas || read_only_;
  if (!home_ || is_on_replica || &home_->server() == context_.view->primary) return;
  home_->stream().close();
}

io::Task<std::optional<mysql::ErrPacket>> Session::borrow_home(Server& server, Deadline deadline) {
  std::optional<mysql::ErrPacket> refused;
  auto borrowed = co_await borrow(server, home_lease_, refused, deadline);
  if (refused) co_return refused;
  if (!borrowed) {
    co_return borrowed.error().kind == ErrorKind::Timeout
        ? errors::pool_exhausted(borrowed.error().message)
        : errors::no_primary(borrowed.error().message);
  }
  settle_at(*std::move(borrowed));
  co_return std::nullopt;
}

// The connection is home from now on.
void Session::settle_at(Borrowed borrowed) {
  home_ = std::move(borrowed);
  home_lease_ = home_->lease;
  kill_target_->connected(KillTarget::Slot::Home, home_->server().index, home_->connection_id());
}

// The common case without waiting: the connection of last time is here, or still free.
bool Session::has_home_again() {
  context_.refresh_view();
  if (home_) {
    const bool is_fresh = context_.loop.now() - home_->last_used() <= kIdle;
    return home_is_still_right() && is_fresh;
  }
  if (home_lease_ == 0 || captures_ > 0) return false;
  Server* server = pick_home();
  if (server == nullptr) return false;
  auto pool = pool_of(*server);
  auto backend = pool->take_again(home_lease_, !state_.schema().empty());
  if (backend == nullptr) return false;
  settle_at(Borrowed(std::move(pool), std::move(backend)));
  return true;
}

// How long the transactions that are open may take to end before a switchover that is under way.
Duration Session::drain() const {
  const auto& switchover = context_.view->topology->leadership.switchover;
  const bool is_under_way = switchover && switchover->is_under_way();
  return std::chrono::milliseconds(is_under_way ? switchover->drain_ms : 0);
}

// Makes sure that there is a home connection; else says what to tell the client. What is held back
// for a switchover waits for as long as that takes.
io::Task<std::optional<mysql::ErrPacket>> Session::ensure_home(Deadline deadline) {
  context_.refresh_view();
  if (home_) {
    const bool is_idle = context_.loop.now() - home_->last_used() > kIdle;
    const bool is_good = home_is_still_right() && (!is_idle || home_->is_alive());
    if (is_good) co_return std::nullopt;
    if (state_.is_tied()) co_return std::nullopt;  // found out on sending
    home_.reset();
  }
  read_only_.reset();
  mysql::ErrPacket why = errors::no_primary("the cluster has none at the moment");
  std::optional<Deadline> end_of_hold;
  for (;;) {
    context_.refresh_view();
    if (Server* server = pick_home()) {
      const Deadline limit = context_.loop.after(context_.options->pools.wait);
      auto refused = co_await borrow_home(*server, limit);
      is_revoked_ = is_logged_in_ && refused && errors::is_denial(*refused);
      if (!refused || refused->code != errors::kNoServer) co_return refused;
      why = *refused;
    }
    const bool is_held = context_.view->is_held;
    if (is_held && !end_of_hold) {
      end_of_hold = context_.loop.after(drain() + context_.options->primary_limit);
    }
    const Deadline limit = is_held ? *end_of_hold : deadline;
    if (limit.has_passed(context_.loop.now())) break;
    const Deadline pause = context_.loop.after(kRetryPause);
    const bool goes_on = co_await context_.loop.sleep_until(pause);
    if (!goes_on) break;
    // The next primary has as long as ever to appear.
    if (is_held) deadline = context_.loop.after(context_.options->primary_limit);
  }
  co_return why;
}

// Where home is a replica: sees to it that what is about to run there reads nothing stale. An error
// is for the client.
io::Task<std::optional<mysql::ErrPacket>> Session::catch_up_home(const Request& request) {
  if (!request.consistency || &home_->server() == context_.view->primary) co_return std::nullopt;
  if (read_only_ && !read_only_sees_news()) co_return std::nullopt;
  auto position = co_await required(*request.consistency);
  if (!position && read_only_ && may_leave_read_only()) co_return co_await move_to_primary();
  if (!position) {
    count_read(ReadPath::Refused);
    co_return errors::no_replica("how far one must have come is not known");
  }
  if (shared_.frontier.covers(home_->server().index, *position)) {
    count_read(ReadPath::Replica);
    co_return std::nullopt;
  }
  bool is_there = co_await wait_at_home(*position, context_.options->causal_wait);
  if (!is_there && read_only_ && may_leave_read_only()) {
    count_read(ReadPath::PrimaryAfterWait);
    co_return co_await move_to_primary();
  }
  if (!is_there) is_there = co_await move_home(*position);
  if (!is_there) is_there = co_await wait_at_home(*position, kReplicasPatience);
  count_read(is_there ? ReadPath::ReplicaAfterWait : ReadPath::Refused);
  if (is_there) co_return std::nullopt;
  co_return errors::no_replica("none has caught up in time");
}

// A replica may show a write before the primary does, which commits only when a replica has it.
// What the primary does not come to have was lost, and is not waited for any longer.
io::Task<> Session::catch_up_primary() {
  if (state_.in_transaction() || state_.has_next_transaction) co_return;
  const Frontier& frontier = shared_.frontier;
  const bool is_there =
      frontier.told().covers(state_.own) || frontier.covers(home_->server().index, state_.own);
  if (!is_there) (void)co_await wait_at_home(state_.own, context_.options->primary_limit);
  state_.has_read_replica = false;
}

io::Task<bool> Session::wait_at_home(const routing::Position& position, Duration patience) {
  if (!home_) co_return false;
  const Deadline turn_limit = context_.loop.after(patience);
  const bool is_in_time = co_await take_turn(home_->server(), position, turn_limit);
  if (!is_in_time || !home_) co_return false;
  if (!wait_turn_.is_held()) co_return true;
  const WaitTurn turn = std::move(wait_turn_);
  const std::string sql = wait_for_position(shared_.frontier.text(position), patience);
  const Deadline limit = context_.loop.after(patience + context_.options->connect_limit);
  auto reply = co_await home_->run(sql, limit);
  if (!reply) {
    // Whatever comes over it now is no answer to what is asked next.
    home_->stream().close();
    if (!state_.is_tied()) home_.reset();
    co_return false;
  }
  const bool is_there = !reply->err && reply->first_field == "0";
  if (is_there) note_waited(home_->server(), position, *reply);
  co_return is_there;
}

// Makes a replica that is known to be there the session's home.
io::Task<bool> Session::move_home(const routing::Position& position) {
  if (state_.is_tied()) co_return false;
  for (Server* server : context_.view->replicas) {
    const bool may_serve = server->may_serve_reads(max_lag());
    if (!may_serve || !shared_.frontier.covers(server->index, position)) continue;
    home_replica_ = server;
    const Deadline limit = context_.loop.after(context_.options->connect_limit);
    co_await take_along_insert_id();
    give_back(home_, KillTarget::Slot::Home);
    auto refused = co_await borrow_home(*server, limit);
    co_return !refused;
  }
  if (home_) co_return false;
  const Deadline limit = context_.loop.after(context_.options->primary_limit);
  (void)co_await ensure_home(limit);
  co_return false;
}

io::Task<Session::Outcome> Session::run_at_home(Request request, const sql::Statement& statement) {
  succeeded_ = false;
  const Deadline patience = context_.loop.after(2 * context_.options->primary_limit + drain());
  for (int attempt = 0;; ++attempt) {
    std::optional<mysql::ErrPacket> refused;
    if (!has_home_again()) {
      refused = co_await ensure_home(context_.loop.after(context_.options->primary_limit));
    }
    const bool is_on_replica = listener_ == routing::Listener::Replicas || read_only_;
    if (!refused && is_on_replica) refused = co_await catch_up_home(request);
    if (!refused && !is_on_replica && request.never_goes_back && state_.has_read_replica) {
      co_await catch_up_primary();
      if (!home_)
        refused = co_await ensure_home(context_.loop.after(context_.options->primary_limit));
    }
    if (!refused && !home_) refused = errors::no_primary("its connection was lost");
    if (refused) co_return co_await fail(statement, *std::move(refused));
    Attempt sent;
    const Outcome outcome = co_await try_at_home(request, statement, sent);
    if (outcome == Outcome::Closed) co_return outcome;
    if (primary_is_closed_) {
      // It has done nothing, and another one is about to take its place.
      primary_is_closed_ = false;
      const bool has_only_begun = state_.has_only_begun();
      const bool is_repeatable = request.rest == nullptr;
      const bool may_leave = !state_.is_tied() || has_only_begun;
      if (is_repeatable && !may_leave && co_await learns_why_home_is_closed()) continue;
      if (!is_repeatable || !may_leave || patience.has_passed(context_.loop.now())) {
        sent.was_sent = false;
        const auto told = co_await home_is_lost(sent, request, statement);
        co_return told.value_or(Outcome::Closed);
      }
      if (has_only_begun) {
        refused = co_await begin_again();
        if (refused) co_return co_await fail(statement, *std::move(refused));
        continue;
      }
      co_await let_go();
      home_.reset();
      continue;
    }
    if (!sent.is_broken) {
      note_end(request, statement);
      const bool has_dropped = (relay_->summary().status & mysql::status::kDbDropped) != 0;
      if (has_dropped && home_) co_await reread_schema();
      co_return ends_session(request, statement) ? Outcome::Closed : outcome;
    }
    if (read_only_ && request.rest == nullptr && may_leave_read_only()) {
      home_.reset();
      refused = co_await move_to_primary();
      if (refused) co_return co_await fail(statement, *std::move(refused));
      continue;
    }
    // What never left can be sent again, and so can a read that nobody has seen anything of. Any
    // other statement may have taken effect, and is never sent twice.
    const bool is_pure_read = !statement.may_write && statement.could_leave;
    const bool is_repeatable =
        (!sent.was_sent || is_pure_read) && request.rest == nullptr && !state_.is_tied();
    if (is_repeatable && attempt == 0) {
      shared_.numbers.reads_retried.add();
      home_.reset();
      continue;
    }
    if (attempt == 0 && may_begin_again(sent, request, statement)) {
      refused = co_await begin_again();
      if (refused) co_return co_await fail(statement, *std::move(refused));
      continue;
    }
    const auto told = co_await home_is_lost(sent, request, statement);
    if (told) co_return *told;
  }
}

// Sends the request home and relays its reply.
io::Task<Session::Outcome> Session::try_at_home(const Request& request,
                                                const sql::Statement& statement,
                                                Attempt& attempt) {
  Backend& home = *home_;
  Result<std::optional<mysql::ErrPacket>> brought = std::optional<mysql::ErrPacket>();
  const Backend::Needs needs = needs_at_home(request.asks_insert_id);
  if (!home.is_in_sync(state_, needs)) brought = co_await bring_up_to_date(home, needs);
  attempt.is_broken = !brought;
  if (attempt.is_broken) co_return Outcome::Answered;
  if (*brought && (*brought)->code == kUnknownSchema && !state_.is_tied()) {
    // It was dropped meanwhile. Nothing was sent; the next attempt goes without a schema.
    state_.note_schema("");
    attempt.is_broken = true;
    co_return Outcome::Answered;
  }
  if (*brought) co_return co_await fail(statement, **brought);
  if (may_lose_prepared(request, statement)) {
    auto prepared = co_await prepare_without_schema(home);
    if (prepared) brought = co_await bring_up_to_date(home, needs);
    attempt.is_broken = !prepared || !brought;
    if (attempt.is_broken) co_return Outcome::Answered;
  }
  if (relay_->is_transaction_unsure()) {
    // An error may have ended the transaction, which only the server knows.
    const RelayEnd asked = co_await ask_for_changes(home);
    attempt.is_broken = asked == RelayEnd::Broken;
    if (asked != RelayEnd::Answered) {
      co_return attempt.is_broken ? Outcome::Answered : Outcome::Closed;
    }
  }
  std::string payload = request.payload;
  if (request.executes) {
    auto refused = co_await translate_statement(home, needs, *request.executes, payload);
    attempt.is_broken = !refused;
    if (attempt.is_broken) co_return Outcome::Answered;
    if (*refused) co_return co_await fail(statement, **refused);
  }
  std::string bytes = home.take_closes();
  const std::uint32_t frame_left = request.rest == nullptr ? 0 : request.rest->frame_left;
  Writer writer(bytes);
  writer.u24(static_cast<std::uint32_t>(payload.size()) + frame_left);
  writer.u8(0);
  writer.put(payload);
  relay_->change_server(home.capabilities(), !home.tells_all_gtids);
  relay_->begin(request.shape, 0, request.statement_id);
  relay_->continue_after(reply_to_);
  relay_->edit_rows(request.rows.get());
  if (read_only_) relay_->say_instead(errors::kReadOnlyServer, errors::read_only_transaction());
  if (statement.kind == sql::Kind::Call) relay_->expect_more_results();
  if (has_inner_transaction(statement, request.shape)) relay_->expect_inner_transaction();
  if (statement.kind == sql::Kind::Help) relay_->hide_transaction_behind_columns();
  home.server().statements.add();
  if (statement.may_write || state_.in_transaction()) {
    attempt.view = context_.view;
    attempt.told = shared_.frontier.told();
  }
  std::string_view left = bytes;
  attempt.was_sent = home.stream().try_write(left);
  if (!attempt.was_sent) {
    auto sent = co_await home.stream().write_all(left, Deadline::never());
    attempt.was_sent = sent.has_value();
  }
  if (attempt.was_sent && request.rest != nullptr) {
    auto forwarded = co_await forward_rest(&home, *request.rest);
    if (!forwarded) co_return Outcome::Closed;
  }
  attempt.is_broken = !attempt.was_sent;
  if (attempt.is_broken) co_return Outcome::Answered;
  reader_inbox_.clear();
  std::optional<Outstanding> counted;
  if (read_only_) counted.emplace(home.server());
  const RelayEnd end = co_await relay_reply(home, request);
  home.used(context_.loop.now());
  if (end == RelayEnd::ReadOnly) {
    // The replica's own words about it would be what SHOW WARNINGS says there.
    begin_own_statement();
    co_return co_await refuse(errors::read_only_transaction());
  }
  primary_is_closed_ = end == RelayEnd::PrimaryIsClosed;
  if (primary_is_closed_) {
    home.server().said_closed(context_.view_version(),
                              context_.view->topology->leadership.term,
                              context_.loop.now());
    co_return Outcome::Answered;
  }
  attempt.is_broken = end == RelayEnd::Broken;
  if (end == RelayEnd::Answered) {
    if (statement.may_write && !relay_->summary().err) home.server().took_a_write();
    const bool joins = note_reply(home, request, statement);
    if (joins) co_await join_error(home);
    const auto& err = relay_->summary().err;
    const bool is_refused = err && err->code == errors::kReadOnlyServer;
    if (read_only_ && state_.in_transaction() && is_refused) {
      // Said in other words, behind results.
      begin_own_statement();
      note_own_error(errors::read_only_transaction());
    }
    co_await hear_of_schema(home, request);
    co_await look_after_trackers(home, statement);
  }
  co_return end == RelayEnd::Closed ? Outcome::Closed : Outcome::Answered;
}

// COMMIT RELEASE: the server says OK and hangs up.
bool Session::ends_session(const Request& request, const sql::Statement& statement) const {
  return succeeded_ && request.shape == mysql::ReplyShape::Results &&
         (statement.rule == "commit_release" || statement.rule == "rollback_release");
}

// What the statement has done to locks that no tracker tells of.
void Session::note_locks(const Request& request, const sql::Statement& statement) {
  using sql::Kind;
  if (!succeeded_) {
    if (request.shape == mysql::ReplyShape::Results) state_.note_failure();
    return;
  }
  const Kind kind = statement.kind;
  const bool ends_transaction = kind == Kind::Commit || kind == Kind::Rollback ||
                                kind == Kind::Ddl || kind == Kind::Begin ||
                                kind == Kind::BeginReadOnly || kind == Kind::BeginSnapshot ||
                                kind == Kind::BeginReadOnlySnapshot;
  if (ends_transaction && !state_.in_transaction()) state_.forget_locks();
}

// How far the open transaction has come, as the tracker tells.
void Session::note_transaction(const sql::Statement& statement) {
  using sql::Kind;
  const mysql::ReplySummary& summary = relay_->summary();
  const bool is_snapshot =
      statement.kind == Kind::BeginSnapshot || statement.kind == Kind::BeginReadOnlySnapshot;
  const bool has_begun = statement.kind == Kind::Begin || statement.kind == Kind::BeginReadOnly;
  if (!state_.in_transaction() || has_begun) {
    state_.beginning.clear();
    state_.has_touched_something = false;
  }
  if (!state_.in_transaction()) return;
  state_.has_touched_something |=
      is_snapshot || statement.kind == Kind::Savepoint || statement.several ||
      routing::tells_of_more_than_a_beginning(summary.transaction_state.value_or(""));
  if (summary.characteristics) state_.beginning = *summary.characteristics;
}

// A statement at home has ended, with its reply at the client.
void Session::note_end(const Request& request, const sql::Statement& statement) {
  // A command that is no statement leaves the last one what it was.
  if (!home_ || home_->lease == last_statement_lease_) state_.last_ran_on_reader = false;
  if (!home_) return;
  note_locks(request, statement);
  note_transaction(statement);
  if (succeeded_) {
    state_.pins = state_.pins.without(statement.unpins) | statement.pins;
  } else if (statement.may_write) {
    state_.pins |= statement.pins;  // a part of it may have taken effect
  }
  // Of user variables an ERR does not tell: a trigger may have set some before it failed, and those
  // that the statement would have set have a type from then on.
  const bool may_leave_variables =
      statement.kind == sql::Kind::Write || !request.user_variables.empty();
  is_inspection_due_ = is_inspection_due_ || (!succeeded_ && may_leave_variables);
  if (succeeded_ || statement.may_write) {
    note_assignments(*home_, request.user_variables);
    note_temporary_tables(request, statement);
    is_inspection_due_ = is_inspection_due_ || may_have_let_go(statement);
  }
  const bool is_global = succeeded_ && statement.rule == "set_global";
  if (is_global) home_->server().global_changes.fetch_add(1);
  if (read_only_) note_read_only(statement);
}

}  // namespace dorsal::proxy
