#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "core/mysql/protocol.h"
#include "core/mysql/statement.h"
#include "core/routing/choose_reader.h"
#include "service/proxy/errors.h"
#include "service/proxy/probe.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

// What the answer to a wait may take longer than the wait itself: a round trip on a busy machine.
constexpr auto kWaitSlack = std::chrono::milliseconds(30);

// When no primary can take over, a read waits this long for a replica to catch up.
constexpr auto kPatience = std::chrono::milliseconds(1500);

constexpr auto kLookAgain = std::chrono::milliseconds(20);

}  // namespace

void Session::count_read(ReadPath path) {
  shared_.numbers.reads(path).add();
  ++reads_[static_cast<std::size_t>(path)];
}

// False: the session has seen something on the primary of which nobody knows how new it is, and no
// replica is so near that finding out would be of use.
bool Session::may_leave_primary(sql::Consistency consistency) {
  const bool must_find_out = state_.has_read_primary && consistency != sql::Consistency::Eventual;
  if (!must_find_out || shared_.frontier.only_primary_will_do()) return true;
  routing::Position position = state_.own;
  if (consistency == sql::Consistency::Global) position.raise(shared_.frontier.told());
  context_.refresh_view();
  const TimePoint now = context_.loop.now();
  const auto& replicas = context_.view->replicas;
  return std::any_of(replicas.begin(), replicas.end(), [&](const Server* server) {
    return server->may_serve_reads(max_lag()) &&
           (server->is_keeping_up(now) || shared_.frontier.covers(server->index, position));
  });
}

// Nobody but this process can have told clients of writes, and it knows what it has told them.
bool Session::knows_all_that_was_told() {
  context_.refresh_view();
  return shared_.frontier.has_track() && context_.view->excludes_other_proxies(context_.loop.now());
}

// The same, with the patience that a statement has which needs a primary.
io::Task<bool> Session::comes_to_know_all() {
  const Deadline patience = context_.loop.after(context_.options->primary_limit);
  while (!knows_all_that_was_told()) {
    if (patience.has_passed(context_.loop.now())) co_return false;
    const Deadline again = context_.loop.after(kLookAgain);
    const bool goes_on = co_await context_.loop.sleep_until(again);
    if (!goes_on) co_return false;
  }
  co_return true;
}

// What the read must see; empty when only the primary is known to have it.
io::Task<std::optional<routing::Position>> Session::required(sql::Consistency consistency) {
  Frontier& frontier = shared_.frontier;
  if (consistency == sql::Consistency::Eventual) co_return routing::Position();
  if (frontier.only_primary_will_do()) co_return std::nullopt;
  lower_to_repaired();
  const bool is_global = consistency == sql::Consistency::Global;
  bool asks_for_all =
      consistency == sql::Consistency::Strong || (is_global && !knows_all_that_was_told());
  if (asks_for_all || state_.has_read_primary) {
    const std::uint64_t losses = frontier.losses();
    auto position =
        co_await context_.probe->position(context_.loop.after(context_.options->connect_limit));
    // A primary that does not answer is known to be lost soon, and then it may need no answer.
    if (!position && asks_for_all && is_global) {
      const bool knows_all = co_await comes_to_know_all();
      asks_for_all = !knows_all;
    }
    if (!position && asks_for_all) co_return std::nullopt;
    // What a primary showed before it was lost has reached some replica, or is lost with it.
    if (!position) position = state_.has_read_primary ? frontier.furthest() : state_.own;
    if (asks_for_all) {
      frontier.tell(*position);
      frontier.found_track(losses);
    }
    state_.own.raise(*position);
    state_.has_read_primary = false;
  }
  routing::Position position = state_.own;
  if (consistency != sql::Consistency::Session) position.raise(frontier.told());
  co_return position;
}

// How far behind a replica may be for the reads of this listener; zero: any may serve them.
Duration Session::max_lag() const {
  return listener_ == routing::Listener::Replicas ? context_.options->replicas_max_lag
                                                  : context_.options->split_max_lag;
}

// The replica for a read that must see `position`; null when none may serve it. A patient read
// waits also on a replica that lags.
Server* Session::choose(const routing::Position& position, bool be_patient, bool& must_wait) {
  context_.refresh_view();
  const auto& replicas = context_.view->replicas;
  const TimePoint now = context_.loop.now();
  std::vector<routing::Candidate> candidates(replicas.size());
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    Server& server = *replicas[i];
    routing::Candidate& candidate = candidates[i];
    candidate.usable = server.may_serve_reads(max_lag());
    candidate.covers = shared_.frontier.covers(server.index, position);
    candidate.known = shared_.frontier.rank(server.index);
    candidate.worth_waiting = candidate.covers || be_patient || server.worth_waiting(now);
    candidate.outstanding = server.outstanding.load(std::memory_order_relaxed);
    candidate.latency_ns = server.latency.ns(now);
    candidate.weight = server.read_weight.load(std::memory_order_relaxed);
    candidate.is_near = server.is_near.load(std::memory_order_relaxed);
  }
  auto choice = routing::choose_reader(candidates, static_cast<std::uint32_t>(context_.dice()));
  if (!choice) return nullptr;
  must_wait = choice->must_wait;
  return replicas[choice->index];
}

// The replica of the read before, if it can serve this one at once.
Server* Session::last_reader_again(const routing::Position& position) {
  context_.refresh_view();
  const auto& replicas = context_.view->replicas;
  const bool is_there = std::find(replicas.begin(), replicas.end(), last_reader_) != replicas.end();
  const bool may_serve = is_there && last_reader_->may_serve_reads(max_lag()) &&
                         shared_.frontier.covers(last_reader_->index, position);
  return may_serve ? last_reader_ : nullptr;
}

io::Task<Session::Outcome> Session::run_on_reader(Request request,
                                                  const sql::Statement& statement,
                                                  sql::Consistency consistency) {
  std::optional<routing::Position> position;
  if (may_leave_primary(consistency)) position = co_await required(consistency);
  bool must_run_at_home = !position;
  const std::size_t tries = context_.view->replicas.size() + 1;
  for (std::size_t attempt = 0; attempt < tries && !must_run_at_home; ++attempt) {
    const bool has_primary = context_.view->primary != nullptr && context_.view->primary->reachable;
    bool must_wait = false;
    const bool goes_back = request.prefers_last_reader && attempt == 0;
    Server* server = goes_back ? last_reader_again(*position) : nullptr;
    if (server == nullptr) server = choose(*position, !has_primary, must_wait);
    if (server == nullptr) break;
    Duration patience = has_primary ? context_.options->causal_wait : Duration(kPatience);
    if (must_wait) {
      const TimePoint since = context_.loop.now();
      const bool is_in_time = co_await take_turn(*server, *position, context_.loop.after(patience));
      if (!is_in_time) {
        count_read(ReadPath::PrimaryAfterWait);
        co_return co_await run_at_home(std::move(request), statement);
      }
      patience = std::max(Duration::zero(), patience - (context_.loop.now() - since));
    }
    const routing::Position* wait_for = wait_turn_.is_held() ? &*position : nullptr;
    const ReaderOutcome outcome = co_await read_on(*server, request, statement, wait_for, patience);
    wait_turn_.release();
    switch (outcome) {
      case ReaderOutcome::Closed:
        co_return Outcome::Closed;
      case ReaderOutcome::Answered:
        count_read(must_wait ? ReadPath::ReplicaAfterWait : ReadPath::Replica);
        co_return Outcome::Answered;
      case ReaderOutcome::TimedOut:
        count_read(ReadPath::PrimaryAfterWait);
        co_return co_await run_at_home(std::move(request), statement);
      case ReaderOutcome::ReadOnly:
        must_run_at_home = true;
        break;
      case ReaderOutcome::NotThere:
        shared_.numbers.reads_retried.add();
        break;
    }
  }
  count_read(ReadPath::PrimaryNoReplica);
  co_return co_await run_at_home(std::move(request), statement);
}

// Until it is this session's turn to wait at the server, or what others were told there is enough:
// then it holds no turn. False: not in time.
io::Task<bool> Session::take_turn(const Server& server,
                                  const routing::Position& position,
                                  Deadline deadline) {
  while (!context_.wait_turns.try_take(server.index, wait_turn_)) {
    const bool was_released = co_await context_.wait_turns.released(server.index, deadline);
    if (shared_.frontier.covers(server.index, position)) co_return true;
    if (!was_released) co_return false;
  }
  co_return true;
}

io::Task<Session::ReaderOutcome> Session::read_on(Server& server,
                                                  const Request& request,
                                                  const sql::Statement& statement,
                                                  const routing::Position* wait_for,
                                                  Duration patience) {
  const Outstanding counted(server);
  auto pool = pool_of(server);
  if (reader_lease_ != 0 && captures_ == 0) {
    reader_ = Borrowed(pool, pool->take_again(reader_lease_, !state_.schema().empty()));
    if (reader_) co_return co_await relay_read(request, statement, wait_for, patience);
  }
  std::optional<mysql::ErrPacket> refused;
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  auto borrowed = co_await borrow(server, reader_lease_, refused, deadline);
  if (!borrowed || refused) {
    log_debug("proxy",
              "session={} server={} cannot be used for reads: {}",
              id_,
              server.name.value(),
              refused ? mysql::to_string(*refused) : borrowed.error().message);
    server.latency.note_failure(context_.loop.now());
    co_return ReaderOutcome::NotThere;
  }
  reader_ = *std::move(borrowed);
  co_return co_await relay_read(request, statement, wait_for, patience);
}

// The read on the connection that was borrowed for it.
io::Task<Session::ReaderOutcome> Session::relay_read(const Request& request,
                                                     const sql::Statement& statement,
                                                     const routing::Position* wait_for,
                                                     Duration patience) {
  reader_lease_ = reader_->lease;
  last_reader_ = &reader_->server();
  kill_target_->connected(KillTarget::Slot::Reader,
                          reader_->server().index,
                          reader_->connection_id());
  ReaderOutcome outcome = co_await send_read(*reader_, request, wait_for, patience);
  if (outcome == ReaderOutcome::Answered) {
    const bool is_measured = reader_inbox_.empty();
    const TimePoint sent_at = context_.loop.now();
    const RelayEnd end = co_await relay_reply(*reader_, request);
    if (is_measured && first_answer_at_ > sent_at) {
      reader_->server().latency.note(first_answer_at_ - sent_at, first_answer_at_);
    }
    switch (end) {
      case RelayEnd::Closed:
        reader_->is_spoilt = true;
        outcome = ReaderOutcome::Closed;
        break;
      case RelayEnd::PrimaryIsClosed:  // only home is ever said to be
      case RelayEnd::Broken:
        outcome = ReaderOutcome::NotThere;
        break;
      case RelayEnd::ReadOnly:
        outcome = ReaderOutcome::ReadOnly;
        break;
      case RelayEnd::Answered:
        if (note_reply(*reader_, request, statement)) co_await join_error(*reader_);
        co_await hear_of_schema(*reader_, request);
        reader_->is_spoilt |= reader_->is_blind;
        break;
    }
  }
  if (outcome == ReaderOutcome::NotThere) {
    reader_->is_spoilt = true;
    reader_->server().latency.note_failure(context_.loop.now());
  }
  if (outcome == ReaderOutcome::Answered) {
    state_.last_ran_on_reader = true;
  }
  reader_->used(context_.loop.now());
  if (context_.options->pools.debug_swap && !reader_->is_spoilt) {
    const bool is_good = co_await hand_down(*reader_);
    if (!is_good) reader_->is_spoilt = true;
    reader_->lease = reader_lease_ = last_statement_lease_ = 0;
  }
  give_back(reader_, KillTarget::Slot::Reader);
  co_return outcome;
}

// A wait has shown that the server is there, and where it really is.
void Session::note_waited(const Server& server,
                          const routing::Position& position,
                          const mysql::ReplySummary& reply) {
  shared_.frontier.executed(server.index, position);
  for (const auto& gtids : reply.gtids) (void)shared_.frontier.executed(server.index, gtids);
}

// Sends what the session has changed and the read in one write, and reads the replies to all but
// the read. If there is a position to wait for, the read is sent only when the server is there: one
// that was sent along would run there even if nobody wanted its rows any more, and hold up whatever
// changes its tables, replication too.
io::Task<Session::ReaderOutcome> Session::send_read(Backend& reader,
                                                    const Request& request,
                                                    const routing::Position* wait_for,
                                                    Duration patience) {
  const Deadline set_up = context_.loop.after(context_.options->connect_limit);
  const Backend::Needs needs = needs_of_reader();
  std::string payload = request.payload;
  if (request.executes) {
    auto refused = co_await translate_statement(reader, needs, *request.executes, payload);
    // A statement that cannot be prepared there may be good at home, where the client prepared it.
    if (!refused || *refused) co_return ReaderOutcome::NotThere;
  }
  std::string bytes = reader.take_closes();
  const bool is_in_sync = reader.is_in_sync(state_, needs);
  const std::string variables = is_in_sync ? "" : reader.sync_command(state_, needs);
  const std::string schema = is_in_sync ? "" : reader.schema_command(state_);
  if (!variables.empty()) mysql::append_command(bytes, variables);
  if (!schema.empty()) mysql::append_command(bytes, schema);
  if (wait_for != nullptr) {
    auto wait = wait_for_position(shared_.frontier.text(*wait_for), patience);
    mysql::append_command(bytes, mysql::encode_query(wait, reader.capabilities()));
  } else {
    mysql::append_command(bytes, payload);
  }
  reader.server().statements.add();
  std::string_view left = bytes;
  if (!reader.stream().try_write(left)) {
    auto sent = co_await reader.stream().write_all(left, set_up);
    if (!sent) co_return ReaderOutcome::NotThere;
  }

  reader_inbox_.clear();
  for (auto [command, shape] : {std::pair(&variables, mysql::ReplyShape::Results),
                                std::pair(&schema, mysql::ReplyShape::OnePacket)}) {
    if (command->empty()) continue;
    auto reply = co_await read_inner_reply(reader, shape, set_up);
    if (!reply || reply->err) co_return ReaderOutcome::NotThere;
  }
  if (!is_in_sync) reader.synced(state_, needs);
  if (wait_for != nullptr) {
    Server& server = reader.server();
    const Deadline limit = context_.loop.after(patience + kWaitSlack);
    auto reply = co_await read_inner_reply(reader, mysql::ReplyShape::Results, limit);
    const bool is_there = reply && reply->first_field == "0";
    if (!is_there) {
      server.wait_timed_out(context_.loop.now());
      // A server that did not even answer the wait is not used again over this connection.
      reader.is_spoilt |= !reply || reply->err.has_value();
      co_return ReaderOutcome::TimedOut;
    }
    server.wait_succeeded();
    note_waited(server, *wait_for, *reply);
    wait_turn_.release();
    std::string read;
    mysql::append_command(read, payload);
    auto sent = co_await reader.stream().write_all(read, set_up);
    if (!sent) co_return ReaderOutcome::NotThere;
  }
  relay_->change_server(reader.capabilities(), !reader.tells_all_gtids);
  relay_->begin(request.shape, 0, request.statement_id);
  relay_->continue_after(reply_to_);
  relay_->edit_rows(request.rows.get());
  co_return ReaderOutcome::Answered;
}

}  // namespace dorsal::proxy
