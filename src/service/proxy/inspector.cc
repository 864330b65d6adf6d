#include "service/proxy/inspector.h"

#include <fmt/format.h>

#include "service/proxy/monitor.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

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
  std::unique_ptr<client::Connection> connection;
  auto& idle = idle_[server.index];
  if (!idle.empty()) {
    connection = std::move(idle.back());
    idle.pop_back();
  } else {
    DORSAL_CO_TRY(connection, co_await connect_as_monitor(context_, server, deadline));
  }
  DORSAL_CO_TRY(auto results, co_await connection->execute(question(connection_id), deadline));
  idle_[server.index].push_back(std::move(connection));
  const auto& rows = results.at(0).rows;
  if (rows.empty()) co_return not_found("the server does not know the connection");
  Inspection found;
  found.has_locks = rows[0].at(0).value_or("0") != "0";
  found.has_prepared = rows[0].at(1).value_or("0") != "0";
  for (const auto& row : rows) {
    if (row.at(2)) found.user_variables.push_back(*row[2]);
  }
  co_return found;
}

}  // namespace dorsal::proxy
