#include "service/proxy/global_watch.h"

#include "base/log.h"
#include "core/sql/tracked.h"

namespace dorsal::proxy {
namespace {

constexpr const char* kAskForNames =
    "SELECT variable_name FROM performance_schema.global_variables ORDER BY variable_name";

std::string question_about(const std::vector<mysql::TextRow>& names) {
  std::string values;
  for (const auto& row : names) {
    const std::string name = row.at(0).value_or("");
    if (sql::carry(name) == sql::Carry::Carried) values += ", @@GLOBAL." + name;
  }
  return "SELECT CONCAT_WS('\n'" + values + ")";
}

}  // namespace

io::Task<Result<void>> GlobalWatch::look(client::Connection& connection, Deadline deadline) {
  if (question_.empty()) {
    DORSAL_CO_TRY(const auto names, co_await connection.execute(kAskForNames, deadline));
    question_ = question_about(names.at(0).rows);
  }
  DORSAL_CO_TRY(auto values, co_await connection.scalar(question_, deadline));
  if (!seen_.empty() && seen_ != values) {
    server_.global_changes.fetch_add(1);
    log_info("proxy", "server={} global_variables=changed", server_.name.value());
  }
  seen_ = std::move(values);
  co_return Result<void>();
}

}  // namespace dorsal::proxy
