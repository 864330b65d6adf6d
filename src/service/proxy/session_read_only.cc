// Read-only transactions, which take a replica for their session's home until they end.
#include "base/log.h"
#include "service/proxy/errors.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {

using routing::InReadOnly;

// A replica becomes the session's home, for the transaction that is about to begin. False: none is
// fit, and it begins on the primary. How fresh it must be shows at the first read.
io::Task<bool> Session::enter_read_only(sql::Consistency consistency) {
  // There, each read of a transaction locks what it reads.
  const bool has_locking_reads = isolation() == "SERIALIZABLE";
  if (has_locking_reads || shared_.frontier.only_primary_will_do()) co_return false;
  routing::Position position;
  if (consistency != sql::Consistency::Eventual) position = state_.own;
  if (consistency >= sql::Consistency::Global) position.raise(shared_.frontier.told());
  bool must_wait = false;
  Server* server = choose(position, false, must_wait);
  if (server == nullptr) co_return false;
  co_await take_along_insert_id();
  give_back(home_, KillTarget::Slot::Home);
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  auto refused = co_await borrow_home(*server, deadline);
  if (refused) co_return false;
  read_only_.emplace();
  co_return true;
}

// LAST_INSERT_ID() may be known to the connection alone that was home until now.
io::Task<> Session::take_along_insert_id() {
  Borrowed borrowed;
  Server* server = home_ ? nullptr : pick_home();
  const bool may_be_there = server != nullptr && home_lease_ != 0 && captures_ == 0;
  if (may_be_there) {
    auto pool = pool_of(*server);
    borrowed = Borrowed(pool, pool->take_again(home_lease_));
  }
  Backend* backend = home_ ? home_.get() : borrowed.get();
  const bool knows_alone = backend != nullptr && !backend->last_insert_id;
  if (knows_alone && !co_await hand_down(*backend)) backend->is_spoilt = true;
  if (borrowed) borrowed.give_back();
}

// The replica of a transaction that is over: the next statement at home will run elsewhere.
bool Session::is_away_from_home() const {
  return listener_ != routing::Listener::Replicas && &home_->server() != context_.view->primary;
}

// Of the transactions that begin without naming one, as the variable is spelt.
std::string Session::isolation() const {
  const std::string* own = state_.variables().find("transaction_isolation");
  return own != nullptr ? *own : shared_.facts.get().isolation;
}

// Whether the next read of the transaction shows what has been committed since the last one.
bool Session::read_only_sees_news() const {
  if (!read_only_->has_touched_something()) return true;
  const std::string level = isolation();
  return level == "READ-COMMITTED" || level == "READ-UNCOMMITTED";
}

bool Session::may_leave_read_only() const {
  return !read_only_->has_touched_something() && state_.open_statements == 0 &&
         !state_.is_bound_by_prepared() && !state_.pins.without(sql::Pin::UserVariable).any();
}

// Before a statement of a session whose read-only transaction runs on a replica. An error is for
// the client.
io::Task<std::optional<mysql::ErrPacket>> Session::settle_read_only(
    const sql::Statement& statement) {
  switch (routing::judge_in_read_only(statement, may_leave_read_only())) {
    case InReadOnly::Stay:
      break;
    case InReadOnly::ToPrimary:
      co_return co_await move_to_primary();
    case InReadOnly::EndFirst:
      co_await end_on_replica("COMMIT");
      relay_->end_transaction();
      break;
    case InReadOnly::Refuse:
      co_return errors::not_on_replica();
  }
  co_return std::nullopt;
}

// Ends the transaction there, by the proxy's own statement, and gives the replica back.
io::Task<> Session::end_on_replica(std::string sql) {
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  if (home_ && home_->stream().is_open()) {
    auto ended = co_await home_->run(std::move(sql), deadline);
    if (!ended || ended->err) home_->is_spoilt = true;
  }
  state_.forget_transaction();
  leave_read_only();
  co_await let_go();
  home_.reset();
}

// The transaction has touched nothing: it begins anew on the primary, and nobody notices.
io::Task<std::optional<mysql::ErrPacket>> Session::move_to_primary() {
  auto beginning = read_only_->beginning();
  if (!state_.in_transaction()) beginning.clear();
  co_await end_on_replica("ROLLBACK");
  shared_.numbers.read_only_moved.add();
  auto refused = co_await begin_on_primary(std::move(beginning));
  if (refused) relay_->end_transaction();
  co_return refused;
}

io::Task<std::optional<mysql::ErrPacket>> Session::begin_on_primary(
    std::vector<std::string> beginning) {
  const Deadline deadline = context_.loop.after(context_.options->primary_limit);
  auto refused = co_await ensure_home(deadline);
  if (!refused && state_.has_read_replica) {
    co_await catch_up_primary();
    if (!home_) refused = co_await ensure_home(deadline);
  }
  if (refused || beginning.empty()) co_return refused;
  auto brought = co_await bring_up_to_date(*home_, needs_at_home(false));
  if (!brought) co_return errors::transaction_lost();
  if (*brought) co_return *brought;
  for (const std::string& statement : beginning) {
    auto reply = co_await home_->run(statement, deadline);
    if (!reply) {
      home_.reset();
      co_return errors::transaction_lost();
    }
    if (reply->err) co_return reply->err;
    state_.note_status(reply->status);
  }
  co_return std::nullopt;
}

// After each statement in it.
void Session::note_read_only(const sql::Statement& statement) {
  const mysql::ReplySummary& summary = relay_->summary();
  read_only_->note(statement.kind,
                   summary.transaction_state.value_or(""),
                   summary.characteristics.value_or(""));
  state_.last_ran_on_reader = true;
  if (state_.in_transaction()) return;
  // What its snapshot showed, nobody may see undone; the reply to its end tells how new that was.
  state_.has_read_primary |= read_only_->has_touched_something() && !summary.has_gtids;
  leave_read_only();
}

// The transaction is over. What still ties its session to the replica cannot be kept: the next
// statement may be a write.
void Session::leave_read_only() {
  read_only_.reset();
  const bool is_bound = state_.is_bound_by_prepared();
  const bool has_statements = state_.open_statements > 0 || is_bound;
  const sql::Pins left = state_.pins.without(sql::Pin::UserVariable);
  const bool has_locks = state_.may_hold_locks();
  if (has_statements) {
    std::erase_if(state_.prepared, [&](const auto& entry) {
      const Prepared& prepared = entry.second;
      const bool is_open = prepared.has_long_data || prepared.has_cursor;
      const bool is_lost = is_open || (is_bound && prepared.text->schema.empty());
      if (is_lost) forget_statement(prepared);
      return is_lost;
    });
  }
  state_.pins = state_.pins.without(left);
  state_.forget_locks();
  if (home_ && (has_statements || has_locks || left.any())) home_->is_spoilt = true;
}

}  // namespace dorsal::proxy
