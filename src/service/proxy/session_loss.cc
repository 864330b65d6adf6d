// What a client is told, and what becomes of its statement, when the connection home is lost.
#include "service/proxy/errors.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

// In a transaction these only add to it, or end it without a commit. Most others commit it first.
bool leaves_transaction_open(const sql::Statement& statement) {
  using sql::Kind;
  if (statement.several) return false;
  if (statement.rule == kNoStatement.rule) return true;
  switch (statement.kind) {
    case Kind::Select:
    case Kind::Show:
    case Kind::OtherRead:
    case Kind::Help:
    case Kind::Do:
    case Kind::Write:
    case Kind::LoadData:
    case Kind::Rollback:
    case Kind::Savepoint:
      return true;
    default:
      return false;
  }
}

}  // namespace

// It held what the proxy cannot make again elsewhere, a transaction apart.
bool Session::loses_with_home() const {
  return state_.reads_binlog || state_.has_unread_user_variables ||
         state_.pins.without(sql::Pin::UserVariable).any() || state_.open_statements > 0 ||
         state_.is_bound_by_prepared();
}

bool Session::may_have_committed(const Attempt& attempt, const sql::Statement& statement) const {
  if (!attempt.was_sent) return false;
  return state_.in_transaction() ? !leaves_transaction_open(statement) : statement.may_write;
}

// One that does nothing else, so that nothing is missing when it is answered by the proxy.
bool Session::is_plain_commit(const sql::Statement& statement) const {
  const std::string* completion = state_.variables().find("completion_type");
  const bool is_usual = completion == nullptr || *completion == "NO_CHAIN";
  return statement.kind == sql::Kind::Commit && statement.rule == "commit" && is_usual;
}

// Empty when it cannot be looked for.
std::optional<LostWrite> Session::lost_write(const Attempt& attempt) const {
  const std::string* logged = state_.variables().find("sql_log_bin");
  if (!attempt.view || !home_ || (logged != nullptr && *logged == "OFF")) return std::nullopt;
  const cluster::Topology& topology = *attempt.view->topology;
  const cluster::Node* node = topology.find(home_->server().name);
  if (node == nullptr) return std::nullopt;
  auto source = mysql::parse_uuid(node->state.server_uuid);
  auto known = mysql::parse_gtid_set(shared_.frontier.text(attempt.told));
  if (!source || !known) return std::nullopt;
  LostWrite lost;
  lost.commit.source = *source;
  lost.commit.connection = home_->connection_id();
  for (const auto& member : known->members()) {
    const bool is_its_own = member.source.uuid == *source && member.source.tag.empty();
    if (is_its_own) lost.commit.after = member.intervals.back().last;
  }
  lost.term = topology.leadership.term;
  lost.opened_at = home_->opened_at();
  return lost;
}

// The lost transaction had done nothing, and what was sent last did not end it.
bool Session::may_begin_again(const Attempt& attempt,
                              const Request& request,
                              const sql::Statement& statement) const {
  const bool has_not_ended = !attempt.was_sent || leaves_transaction_open(statement);
  return state_.has_only_begun() && has_not_ended && request.rest == nullptr && !read_only_;
}

// At the next primary, and nobody notices. An error is for the client, whose transaction is over.
io::Task<std::optional<mysql::ErrPacket>> Session::begin_again() {
  home_.reset();
  auto beginning = routing::statements_of(state_.beginning);
  auto refused = co_await begin_on_primary(std::move(beginning));
  if (!refused) co_return refused;
  state_.forget_transaction();
  relay_->end_transaction();
  co_return refused;
}

// The session goes on without what it had there. Returns what to tell of that.
mysql::ErrPacket Session::lose_home() {
  mysql::ErrPacket err = errors::no_primary("its connection was lost");
  if (loses_with_home()) err = errors::session_lost();
  if (state_.in_transaction()) err = errors::transaction_lost();
  home_.reset();
  state_.has_next_transaction = false;
  state_.forget_transaction();
  relay_->end_transaction();
  if (read_only_) {
    state_.has_read_primary = true;  // nobody knows how new what it has read was
    leave_read_only();
  }
  return err;
}

// Tells the client what is lost with the home connection; of what may have been committed, it finds
// out first whether it was. The session lives on when the proxy can make everything again that it
// had there. Empty: the statement has certainly not been carried out, and can be sent again.
io::Task<std::optional<Session::Outcome>> Session::home_is_lost(const Attempt& attempt,
                                                                const Request& request,
                                                                const sql::Statement& statement) {
  const bool is_over = loses_with_home();
  const bool was_in_transaction = state_.in_transaction();
  const bool is_open = may_have_committed(attempt, statement);
  std::optional<LostWrite> lost;
  if (is_open) lost = lost_write(attempt);
  mysql::ErrPacket err = lose_home();
  Verdict verdict;
  if (lost) {
    const Deadline limit = context_.loop.after(context_.options->primary_limit);
    verdict = co_await context_.lost_writes->find_out(*std::move(lost), limit);
  }
  if (is_open) shared_.numbers.lost_write(verdict.kind).add();
  if (verdict.kind == Verdict::Kind::Committed) {
    shared_.frontier.tell(verdict.gtid);
    if (auto position = shared_.frontier.position_of(verdict.gtid)) state_.own.raise(*position);
    if (is_plain_commit(statement) && !is_over) co_return co_await send_committed(verdict.gtid);
    err = errors::answer_lost(verdict.gtid);
  } else if (is_open && verdict.kind == Verdict::Kind::Unknown) {
    state_.has_read_primary = true;  // the session's own position is not known
    err = errors::outcome_unknown(verdict.why);
  } else if (is_open && !was_in_transaction && !is_over) {
    const bool may_run_again =
        verdict.kind == Verdict::Kind::NotCommitted && request.rest == nullptr;
    if (may_run_again) co_return std::nullopt;
    err = errors::not_committed();
  }
  const Outcome told = co_await fail(statement, std::move(err));
  co_return is_over ? Outcome::Closed : told;
}

// In the place of the server that has carried it out.
io::Task<Session::Outcome> Session::send_committed(std::string gtid) {
  begin_own_statement();
  mysql::OkPacket ok;
  ok.status = state_.status;
  if (state_.tracking.gtids) ok.trackers.gtids = std::move(gtid);
  co_return co_await send_own_ok(std::move(ok));
}

}  // namespace dorsal::proxy
