#include "edge/instance/closing.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "edge/instance/secrets.h"

namespace dorsal::instance {
namespace {

using io::Task;

constexpr auto kLookEvery = std::chrono::milliseconds(10);

// How often, in seconds, super_read_only is tried for: it waits for locks, and while it waits
// nobody else writes.
constexpr int kLockSeconds = 1;

constexpr std::uint16_t kLockWaitTimeout = 1205;  // ER_LOCK_WAIT_TIMEOUT

// Transactions that clients have open, autocommitted statements among them. What is committing is
// left alone: it cannot be stopped, and ends by itself (MySQL Reference Manual, "General Thread
// States" and "Replication Source Thread States").
std::string open_transactions() {
  return fmt::format(
      "SELECT t.PROCESSLIST_ID, e.AUTOCOMMIT FROM performance_schema.events_transactions_current e "
      "JOIN performance_schema.threads t USING (THREAD_ID) WHERE e.STATE = 'ACTIVE' AND "
      "t.PROCESSLIST_USER NOT IN ('{}', '{}', '{}') AND t.PROCESSLIST_COMMAND NOT LIKE 'Binlog%' "
      "AND IFNULL(t.PROCESSLIST_STATE, '') NOT IN ('waiting for handler commit', "
      "'Waiting for semi-sync ACK from replica')",
      kAgentUser,
      kReplicationUser,
      kMonitorUser);
}

struct OpenTransaction {
  std::string connection;
  bool is_one_statement = false;
};

Task<Result<std::vector<OpenTransaction>>> look(ServerLink& server, Deadline deadline) {
  DORSAL_CO_TRY(client::Connection * connection, co_await server.connection(deadline));
  auto results = co_await connection->execute(open_transactions(), deadline);
  if (!results) {
    server.drop();
    co_return results.error();
  }
  std::vector<OpenTransaction> open;
  if (results->empty()) co_return open;
  for (const auto& row : results->front().rows) {
    open.push_back({row[0].value_or("0"), row[1].value_or("") == "YES"});
  }
  co_return open;
}

// Returns at once when nothing is open any more.
Task<Result<void>> drain_for(io::Loop& loop, ServerLink& server, Duration drain, Deadline limit) {
  const Deadline end = limit.earlier_of(loop.after(drain));
  while (!end.has_passed(loop.now())) {
    DORSAL_CO_TRY(const auto open, co_await look(server, limit));
    if (open.empty()) co_return Result<void>();
    const Deadline next = loop.after(kLookEvery);
    if (!co_await loop.sleep_until(next)) co_return timeout("cancelled");
  }
  co_return Result<void>();
}

// One that has ended meanwhile is as good.
Task<Result<void>> kill_all(ServerLink& server,
                            std::string how,
                            std::vector<OpenTransaction> open,
                            Deadline deadline) {
  for (const OpenTransaction& each : open) {
    auto killed = co_await server.run(how + each.connection, deadline);
    if (!killed && killed.error().kind != ErrorKind::Invalid) co_return killed;
  }
  co_return Result<void>();
}

Task<Result<void>> become_read_only(ServerLink& server, Deadline deadline) {
  DORSAL_CO_TRY(client::Connection * connection, co_await server.connection(deadline));
  const std::string bound = fmt::format("SET SESSION lock_wait_timeout = {}", kLockSeconds);
  DORSAL_CO_TRY_VOID(co_await connection->execute(bound, deadline));
  auto reply = co_await connection->query("SET GLOBAL super_read_only = ON", deadline);
  if (!reply) {
    server.drop();
    co_return reply.error();
  }
  if (!reply->err) co_return Result<void>();
  if (reply->err->code == kLockWaitTimeout) co_return timeout("a statement holds a lock for long");
  co_return invalid(mysql::to_string(*reply->err));
}

}  // namespace

Task<Result<void>> close_for_writes(io::Loop& loop,
                                    ServerLink& server,
                                    Duration drain,
                                    Deadline deadline) {
  DORSAL_CO_TRY_VOID(co_await drain_for(loop, server, drain, deadline));
  DORSAL_CO_TRY(auto late, co_await look(server, deadline));
  DORSAL_CO_TRY_VOID(co_await kill_all(server, "KILL QUERY ", std::move(late), deadline));
  DORSAL_CO_TRY_VOID(co_await become_read_only(server, deadline));
  DORSAL_CO_TRY(auto left, co_await look(server, deadline));
  std::erase_if(left, [](const OpenTransaction& each) { return each.is_one_statement; });
  co_return co_await kill_all(server, "KILL ", std::move(left), deadline);
}

}  // namespace dorsal::instance
