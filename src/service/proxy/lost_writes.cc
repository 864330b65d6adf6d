#include "service/proxy/lost_writes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/log.h"
#include "edge/client/binlog_dump.h"
#include "edge/io/event.h"
#include "edge/io/scope.h"
#include "service/proxy/monitor.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

using Kind = Verdict::Kind;

constexpr auto kPause = std::chrono::milliseconds(50);
constexpr auto kLookAgain = std::chrono::milliseconds(10);

constexpr const char* kAskServer =
    "SELECT @@server_uuid, @@GLOBAL.super_read_only, @@GLOBAL.gtid_executed, "
    "@@GLOBAL.gtid_purged, (SELECT VARIABLE_VALUE FROM performance_schema.global_status "
    "WHERE VARIABLE_NAME = 'Uptime')";

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Whether the set has something behind what was known.
bool goes_beyond(const mysql::GtidSet& set, const mysql::LostCommit& lost) {
  mysql::GtidSet beyond = mysql::behind(lost);
  beyond.intersect(set);
  return !beyond.empty();
}

// It has committed something of its own in its term.
bool has_written(const mysql::GtidSet& executed,
                 const mysql::Uuid& primary,
                 const cluster::Leadership& leadership) {
  auto before = mysql::parse_gtid_set(leadership.elected_with.value_or(""));
  if (!before) return false;
  mysql::GtidSet own;
  own.add(primary, "", mysql::kFirstGno, mysql::kLastGno);
  own.intersect(executed);
  own.subtract(*before);
  return !own.empty();
}

// So many replicas must have a transaction for nobody to lead without it.
std::size_t needed_copies(const cluster::Topology& topology) {
  const bool is_protected = topology.charter.wants_acks() && !topology.leadership.unprotected;
  return is_protected ? topology.acks_in_force() : 0;
}

using Findings = std::map<mysql::LostCommit, mysql::CommitSearch::Finding>;

// In what the primary remembers of the one before it, see instance::Origins.
io::Task<Result<Findings>> find_in_list(client::Connection& connection,
                                        const std::vector<mysql::LostCommit>& wanted,
                                        const mysql::GtidSet& executed,
                                        Deadline deadline) {
  std::map<mysql::Uuid, std::uint64_t> sources;
  for (const auto& lost : wanted) {
    auto [source, is_new] = sources.emplace(lost.source, lost.after);
    source->second = std::min(source->second, lost.after);
  }
  std::vector<mysql::Commit> commits;
  for (const auto& [source, after] : sources) {
    std::string sql = fmt::format(
        "SELECT number, connection FROM dorsal.commit_origin WHERE source = '{}' AND number > {}",
        to_string(source),
        after);
    DORSAL_CO_TRY(auto results, co_await connection.execute(std::move(sql), deadline));
    if (results.empty()) continue;
    for (const auto& row : results[0].rows) {
      const auto connection_id = static_cast<std::uint32_t>(number(row.at(1).value_or("")));
      commits.push_back({source, number(row.at(0).value_or("")), connection_id});
    }
  }
  Findings findings;
  for (const auto& lost : wanted) findings[lost] = mysql::find_commit(lost, commits, executed);
  co_return findings;
}

// In its own binary log, which tells of its own connections.
io::Task<Result<Findings>> find_in_log(client::Connection& connection,
                                       const std::vector<mysql::LostCommit>& wanted,
                                       const mysql::GtidSet& executed,
                                       Deadline deadline) {
  auto command = mysql::dump_beyond(mysql::without_unknown(executed, wanted));
  if (!command) co_return invalid("the primary's transactions have tags");
  mysql::CommitSearch commits(wanted);
  auto see = [&commits](std::string_view event) { commits.see(event); };
  std::string bytes = *std::move(command);
  DORSAL_CO_TRY_VOID(co_await client::dump_binlog(connection,
                                                  std::move(bytes),
                                                  mysql::CommitReader::kEnough,
                                                  see,
                                                  deadline));
  co_return commits.findings();
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::Unknown:
      return "unknown";
    case Kind::Committed:
      return "committed";
    case Kind::NotCommitted:
      return "not_committed";
    case Kind::NotCommittedByAlive:
      return "ended_by_server";
  }
  return "unknown";
}

LostWrites::LostWrites(LoopContext& context)
    : context_(context), question_(context.loop, *this, kPause) {}

io::Task<Verdict> LostWrites::find_out(LostWrite lost, Deadline deadline) {
  const auto registered = wanted_.insert(lost.commit);
  std::string why = "the primary was not reached in time";
  Decision decision;
  while (!decision && !deadline.has_passed(context_.loop.now())) {
    auto answer = co_await question_.answer(deadline, why);
    if (answer) {
      decision = co_await judge(**answer, lost, deadline, why);
    } else {
      why = answer.error().message;
    }
    if (decision) break;
    const Deadline again = context_.loop.after(kPause);
    const bool goes_on = co_await context_.loop.sleep_until(again);
    if (!goes_on) break;
  }
  wanted_.erase(registered);
  if (!decision) decision = Verdict{Kind::Unknown, "", std::move(why)};
  co_return *std::move(decision);
}

io::Task<LostWrites::Decision> LostWrites::judge(const Search& search,
                                                 const LostWrite& lost,
                                                 Deadline deadline,
                                                 std::string& why) {
  const auto found = search.findings.find(lost.commit);
  if (found == search.findings.end()) co_return std::nullopt;
  const auto& finding = found->second;
  const bool is_same = search.primary == lost.commit.source;
  const bool is_new_start = search.started_at > lost.opened_at;
  if (is_same && !is_new_start && search.open.count(lost.commit.connection) != 0) {
    why = "it has not ended at the server";
    co_return std::nullopt;
  }
  if (!is_same && search.term <= lost.term) {
    why = "no other primary was elected in time";
    co_return std::nullopt;
  }
  if (!finding.number && finding.is_unsure) {
    why = "the primary's logs do not tell";
    if (is_same) co_return Verdict{Kind::Unknown, "", why};
    co_return std::nullopt;
  }
  if (!finding.number && is_same) {
    co_return Verdict{is_new_start ? Kind::NotCommitted : Kind::NotCommittedByAlive, "", ""};
  }
  const bool may_be_decided = finding.number || search.has_written;
  if (!may_be_decided || !co_await is_kept(search, deadline)) {
    why = "too few replicas have what the primary has";
    co_return std::nullopt;
  }
  if (!finding.number) co_return Verdict{Kind::NotCommitted, "", ""};
  co_return Verdict{Kind::Committed,
                    fmt::format("{}:{}", to_string(lost.commit.source), *finding.number),
                    ""};
}

// Waits until as many replicas have what was there as make it safe; false: in vain.
io::Task<bool> LostWrites::is_kept(const Search& search, Deadline deadline) {
  const auto position = context_.shared.frontier.position_of(search.executed);
  if (!position) co_return false;
  while (!deadline.has_passed(context_.loop.now())) {
    context_.refresh_view();
    const auto view = context_.view;
    if (view->primary != search.server || view->topology->leadership.term != search.term) break;
    const auto copies = std::count_if(view->all.begin(), view->all.end(), [&](Server* server) {
      return server != search.server && context_.shared.frontier.covers(server->index, *position);
    });
    if (static_cast<std::size_t>(copies) >= needed_copies(*view->topology)) co_return true;
    const Deadline again = context_.loop.after(kLookAgain);
    const bool goes_on = co_await context_.loop.sleep_until(again);
    if (!goes_on) break;
  }
  co_return false;
}

// Of a primary whose host is gone nothing is heard, not even that it does not answer. So nobody
// waits for it any longer than it leads.
io::Task<Result<LostWrites::Answer>> LostWrites::ask() {
  context_.refresh_view();
  const auto view = context_.view;
  if (view->primary == nullptr || !view->primary_is_open()) {
    co_return unavailable("the cluster has no primary");
  }
  Result<Answer> answer = unavailable("the primary was lost while it was asked");
  io::Event answered(context_.loop);
  auto search = [](LostWrites& self,
                   std::shared_ptr<const ServerView> asked,
                   Result<Answer>& out,
                   io::Event& done) -> io::Task<> {
    out = co_await self.search(std::move(asked));
    done.set();
  };
  io::Scope scope(context_.loop);
  scope.spawn(search(*this, view, answer, answered));
  for (bool is_over = false; !is_over;) {
    const Deadline again = context_.loop.after(kLookAgain);
    is_over = co_await answered.wait(again) || co_await io::cancelled();
    context_.refresh_view();
    const ServerView& now = *context_.view;
    is_over |= now.primary != view->primary ||
               now.topology->leadership.term != view->topology->leadership.term;
  }
  co_await scope.cancel_and_join();
  co_return answer;
}

io::Task<Result<LostWrites::Answer>> LostWrites::search(std::shared_ptr<const ServerView> view) {
  Server* server = view->primary;
  const auto wanted = wanted_;  // who comes later asks again
  std::set<std::uint32_t> connections;
  for (const auto& lost : wanted) connections.insert(lost.connection);
  const Deadline deadline = context_.loop.after(context_.options->primary_limit);
  DORSAL_CO_TRY(auto connection, co_await connect_as_monitor(context_, *server, deadline));
  const TimePoint asked = context_.loop.now();
  DORSAL_CO_TRY(auto told, co_await connection->execute(kAskServer, deadline));
  const std::string ask_open = fmt::format(
      "SELECT PROCESSLIST_ID FROM performance_schema.threads WHERE PROCESSLIST_ID IN ({})",
      fmt::join(connections, ","));
  DORSAL_CO_TRY(auto open, co_await connection->execute(ask_open, deadline));
  if (told.empty() || told[0].rows.empty() || told[0].rows[0].size() < 5 || open.empty()) {
    co_return corrupt("the primary's answer has not the form that it should have");
  }
  const auto& row = told[0].rows[0];
  if (row[1].value_or("1") != "0") co_return unavailable("the primary takes no writes yet");
  DORSAL_CO_TRY(auto uuid, mysql::parse_uuid(row[0].value_or("")));
  DORSAL_CO_TRY(auto executed, mysql::parse_gtid_set(row[2].value_or("")));
  DORSAL_CO_TRY(auto purged, mysql::parse_gtid_set(row[3].value_or("")));
  const auto uptime = std::chrono::seconds(number(row[4].value_or("0")) + 1);
  auto search = std::make_shared<Search>();
  search->server = server;
  search->primary = uuid;
  search->term = view->topology->leadership.term;
  search->started_at = asked - uptime;
  search->has_written = has_written(executed, uuid, view->topology->leadership);
  for (const auto& thread : open[0].rows) {
    search->open.insert(static_cast<std::uint32_t>(number(thread.at(0).value_or(""))));
  }
  std::vector<mysql::LostCommit> own;
  std::vector<mysql::LostCommit> others;
  for (const auto& lost : wanted) (lost.source == uuid ? own : others).push_back(lost);
  if (!others.empty()) {
    DORSAL_CO_TRY(search->findings, co_await find_in_list(*connection, others, executed, deadline));
  }
  if (!own.empty()) {
    DORSAL_CO_TRY(auto found, co_await find_in_log(*connection, own, executed, deadline));
    search->findings.merge(found);
    // A server closes a connection behind its dump.
    DORSAL_CO_TRY(connection, co_await connect_as_monitor(context_, *server, deadline));
  }
  for (auto& [lost, finding] : search->findings) finding.is_unsure |= goes_beyond(purged, lost);
  DORSAL_CO_TRY(search->executed,
                co_await connection->scalar("SELECT @@GLOBAL.gtid_executed", deadline));
  log_debug("proxy",
            "server={} term={} lost_writes={} looked for in the binary log",
            server->name.value(),
            search->term.value(),
            wanted.size());
  co_return Answer(std::move(search));
}

}  // namespace dorsal::proxy
