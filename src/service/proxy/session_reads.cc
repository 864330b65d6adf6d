#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "core/mysql/protocol.h"
#include "core/mysql/statement.h"
#include "service/proxy/errors.h"
#include "service/proxy/probe.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

// What the answer to a wait may take longer than the wait itself: a round trip on a busy machine.
constexpr auto kWaitSlack = std::chrono::milliseconds(30);

// When no primary can take over, a read waits this long for a replica to catch up.
constexpr auto kPatience = std::chrono::milliseconds(1500);

// Holds a server's count of statements under way.
class Outstanding {
 public:
  explicit Outstanding(Server& server) : server_(server) { server_.outstanding.fetch_add(1); }
  ~Outstanding() { server_.outstanding.fetch_sub(1); }
  Outstanding(const Outstanding&) = delete;
  Outstanding& operator=(const Outstanding&) = delete;

 private:
  Server& server_;
};

}  // namespace

// What the read must see; empty when only the primary is known to have it.
io::Task<std::optional<routing::Position>> Session::required(sql::Consistency consistency) {
  Frontier& frontier = shared_.frontier;
  if (consistency == sql::Consistency::Eventual) co_return routing::Position();
  if (frontier.only_primary_will_do()) co_return std::nullopt;
  const bool needs_probe = consistency == sql::Consistency::Strong ||
                           (consistency == sql::Consistency::Global && !frontier.has_track());
  if (needs_probe) {
    const std::uint64_t losses = frontier.losses();
    auto position =
        co_await context_.probe->position(context_.loop.after(context_.options->connect_limit));
    if (!position) co_return std::nullopt;
    frontier.tell(*position);
    frontier.found_track(losses);
    co_return *position;
  }
  co_return consistency == sql::Consistency::Session ? state_.own : frontier.told();
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
    candidate.usable = server.reachable.load(std::memory_order_relaxed);
    candidate.covers = shared_.frontier.covers(server.index, position);
    candidate.known = shared_.frontier.rank(server.index);
    candidate.worth_waiting = candidate.covers || be_patient || server.worth_waiting(now);
    candidate.connected = std::any_of(readers_.begin(), readers_.end(), [&](const auto& reader) {
      return &reader->server() == &server;
    });
    candidate.outstanding = server.outstanding.load(std::memory_order_relaxed);
  }
  auto choice = routing::choose_reader(candidates, turn_);
  if (!choice) return nullptr;
  must_wait = choice->must_wait;
  return replicas[choice->index];
}

io::Task<Session::Outcome> Session::run_on_reader(Request request,
                                                  const sql::Statement& statement,
                                                  sql::Consistency consistency) {
  ProxyNumbers& numbers = shared_.numbers;
  auto position = co_await required(consistency);
  bool must_run_at_home = !position;
  const std::size_t tries = context_.view->replicas.size() + 1;
  for (std::size_t attempt = 0; attempt < tries && !must_run_at_home; ++attempt) {
    const bool has_primary = context_.view->primary != nullptr && context_.view->primary->reachable;
    bool must_wait = false;
    Server* server = choose(*position, !has_primary, must_wait);
    if (server == nullptr) break;
    const Duration patience = has_primary ? context_.options->causal_wait : Duration(kPatience);
    const routing::Position* wait_for = must_wait ? &*position : nullptr;
    const ReaderOutcome outcome = co_await read_on(*server, request, wait_for, patience);
    switch (outcome) {
      case ReaderOutcome::Closed:
        co_return Outcome::Closed;
      case ReaderOutcome::Answered:
        (must_wait ? numbers.reads_waited : numbers.reads_at_once).add();
        co_return Outcome::Answered;
      case ReaderOutcome::TimedOut:
        numbers.reads_timed_out.add();
        co_return co_await run_at_home(std::move(request), statement);
      case ReaderOutcome::ReadOnly:
        must_run_at_home = true;
        break;
      case ReaderOutcome::NotThere:
        numbers.reads_retried.add();
        break;
    }
  }
  numbers.reads_no_replica.add();
  co_return co_await run_at_home(std::move(request), statement);
}

io::Task<Backend*> Session::reader_on(Server& server) {
  auto found = std::find_if(readers_.begin(), readers_.end(), [&](const auto& reader) {
    return &reader->server() == &server;
  });
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  if (found != readers_.end()) {
    std::rotate(readers_.begin(), found, found + 1);
    const bool is_clean = co_await readers_.front()->drop_abandoned(deadline);
    if (is_clean) co_return readers_.front().get();
    readers_.erase(readers_.begin());
  }
  auto opened = co_await Backend::open(context_, server, identity_, state_, id_, deadline);
  if (!opened || opened->refused) {
    log_debug("proxy",
              "session={} server={} cannot be used for reads: {}",
              id_,
              server.name.value(),
              opened ? mysql::to_string(*opened->refused) : opened.error().message);
    co_return nullptr;
  }
  readers_.insert(readers_.begin(), std::move(opened->backend));
  co_return readers_.front().get();
}

void Session::drop_reader(Server& server) {
  std::erase_if(readers_, [&](const auto& reader) { return &reader->server() == &server; });
}

io::Task<Session::ReaderOutcome> Session::read_on(Server& server,
                                                  const Request& request,
                                                  const routing::Position* wait_for,
                                                  Duration patience) {
  const Outstanding counted(server);
  Backend* reader = co_await reader_on(server);
  if (reader == nullptr) co_return ReaderOutcome::NotThere;
  ReaderOutcome outcome = co_await send_read(*reader, request, wait_for, patience);
  if (outcome == ReaderOutcome::Answered) {
    switch (co_await relay_reply(*reader, request)) {
      case RelayEnd::Closed:
        co_return ReaderOutcome::Closed;
      case RelayEnd::Broken:
        outcome = ReaderOutcome::NotThere;
        break;
      case RelayEnd::ReadOnly:
        outcome = ReaderOutcome::ReadOnly;
        break;
      case RelayEnd::Answered:
        break;
    }
  }
  if (outcome == ReaderOutcome::NotThere) drop_reader(server);
  if (outcome == ReaderOutcome::Answered) state_.last_ran_on_reader = true;
  co_return outcome;
}

// Sends everything that the read needs in one write: what the session has changed, the wait for a
// position, the read itself; and reads the replies to all but the last.
io::Task<Session::ReaderOutcome> Session::send_read(Backend& reader,
                                                    const Request& request,
                                                    const routing::Position* wait_for,
                                                    Duration patience) {
  const Deadline set_up = context_.loop.after(context_.options->connect_limit);
  std::string payload = request.payload;
  if (request.executes) {
    auto refused = co_await translate_statement(reader, *request.executes, payload);
    // A statement that cannot be prepared there may be good at home, where the client prepared it.
    if (!refused || *refused) co_return ReaderOutcome::NotThere;
  }
  std::string bytes = reader.take_closes();
  auto variables = reader.sync_variables_command();
  auto schema = reader.sync_schema_command();
  if (!variables.empty()) mysql::append_command(bytes, variables);
  if (!schema.empty()) mysql::append_command(bytes, schema);
  if (wait_for != nullptr) {
    auto wait = wait_for_position(shared_.frontier.text(*wait_for), patience);
    mysql::append_command(bytes, mysql::encode_query(wait, reader.capabilities()));
  }
  mysql::append_command(bytes, payload);
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
  reader.synced();
  if (wait_for != nullptr) {
    Server& server = reader.server();
    const Deadline limit = context_.loop.after(patience + kWaitSlack);
    auto reply = co_await read_inner_reply(reader, mysql::ReplyShape::Results, limit);
    const bool is_there = reply && reply->first_field == "0";
    if (!is_there) {
      server.wait_timed_out(context_.loop.now());
      // The read runs there all the same; its reply is dropped before the next one. A server that
      // did not even answer the wait is not used again over this connection.
      if (reply && !reply->err) {
        reader.abandon_reply(request.shape, std::exchange(reader_inbox_, {}));
      } else {
        drop_reader(server);
      }
      co_return ReaderOutcome::TimedOut;
    }
    server.wait_succeeded();
    shared_.frontier.executed(server.index, *wait_for);
  }
  reader.relay().begin(request.shape, 0, request.statement_id);
  co_return ReaderOutcome::Answered;
}

}  // namespace dorsal::proxy
