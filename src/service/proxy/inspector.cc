#include "service/proxy/inspector.h"

#include <fmt/format.h>

#include "service/proxy/monitor.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

// Connections to one server that are kept, beyond the work of a moment.
constexpr std::size_t kMostIdle = 4;
constexpr auto kIdleLimit = std::chrono::seconds(60);

// One row for each user variable, or one without a name.
std::string question(std::uint32_t connection_id) {
  return fmt::format(
      "SELECT"
      " (SELECT COUNT(*) FROM performance_schema.metadata_locks l"
      " WHERE l.OWNER_THREAD_ID = t.THREAD_ID),"
      " (SELECT COUNT(*) FROM performance_schema.prepared_statements_instances p"
      " WHERE p.OWNER_THREAD_ID = t.THREAD_ID AND p.STATEMENT_NAME IS NOT NULL),"
      " v.VARIABLE_NAME"
      " FROM performance_schema.threads t"
      " LEFT JOIN performance_schema.user_variables_by_thread v ON v.THREAD_ID = t.THREAD_ID"
      " WHERE t.PROCESSLIST_ID = {}",
      connection_id);
}

}  // namespace

io::Task<Result<Inspection>> Inspector::inspect(const Server& server,
                                                std::uint32_t connection_id,
                                                Deadline deadline) {
  auto connection = take_idle(server.index);
  if (connection == nullptr) {
    DORSAL_CO_TRY(connection, co_await connect_as_monitor(context_, server, deadline));
  }
  DORSAL_CO_TRY(auto results, co_await connection->execute(question(connection_id), deadline));
  keep(server.index, std::move(connection));
  const auto& rows = results.at(0).rows;
  if (rows.empty()) co_return not_found("the server does not know the connection");
  for (const auto& row : rows) {
    if (row.size() != 3) co_return corrupt("the server answers with other columns");
  }
  Inspection found;
  found.has_locks = rows[0].at(0).value_or("0") != "0";
  found.has_prepared = rows[0].at(1).value_or("0") != "0";
  for (const auto& row : rows) {
    if (row.at(2)) found.user_variables.push_back(*row[2]);
  }
  co_return found;
}

// Null when there is none. What the server has closed, or nobody has needed for a while, is given
// up.
std::unique_ptr<client::Connection> Inspector::take_idle(std::size_t server) {
  Connections& idle = idle_[server];
  const TimePoint now = context_.loop.now();
  while (!idle.empty() && now - idle.front().since > kIdleLimit) idle.pop_front();
  while (!idle.empty()) {
    auto connection = std::move(idle.back().connection);
    idle.pop_back();
    if (connection->is_alive()) return connection;
  }
  return nullptr;
}

void Inspector::keep(std::size_t server, std::unique_ptr<client::Connection> connection) {
  Connections& idle = idle_[server];
  if (idle.size() < kMostIdle) idle.push_back({std::move(connection), context_.loop.now()});
}

}  // namespace dorsal::proxy
