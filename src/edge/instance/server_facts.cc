#include "edge/instance/server_facts.h"

#include <fmt/core.h>

#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/instance/secrets.h"

namespace dorsal::instance {

using cluster::CloneState;
using cluster::DataStage;
using cluster::Following;
using cluster::Receiver;
using cluster::ServerFacts;

namespace {

// A result set of one row, read by the names of its columns.
class NamedRow {
 public:
  explicit NamedRow(const mysql::ResultSet& set) : set_(set) {}

  bool exists() const { return !set_.rows.empty(); }

  // Empty when there is no such column or it is NULL.
  std::string text(std::string_view column) const {
    for (std::size_t i = 0; i < set_.columns.size(); ++i) {
      if (set_.columns[i].name == column) return set_.rows.front()[i].value_or("");
    }
    return {};
  }

  std::int64_t number(std::string_view column) const {
    const std::string value = text(column);
    std::int64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    return number;
  }

  bool flag(std::string_view column) const {
    const std::string value = text(column);
    return value == "1" || value == "Yes" || value == "ON";
  }

 private:
  const mysql::ResultSet& set_;
};

constexpr const char* kOwned = "SELECT @@GLOBAL.gtid_owned AS owned";

constexpr const char* kVariables =
    "SELECT @@GLOBAL.gtid_executed AS executed, @@GLOBAL.gtid_purged AS purged, "
    "@@GLOBAL.server_uuid AS uuid, @@GLOBAL.version AS version, "
    "@@GLOBAL.super_read_only AS super_read_only, @@GLOBAL.read_only AS read_only, "
    "@@GLOBAL.rpl_semi_sync_source_enabled AS source_semi_sync, "
    "@@GLOBAL.rpl_semi_sync_source_wait_for_replica_count AS required_acks, "
    "@@GLOBAL.rpl_semi_sync_replica_enabled AS replica_semi_sync, "
    "@@GLOBAL.sync_relay_log = 1 AS syncs_relay_log";

constexpr const char* kSemiSyncStatus =
    "SELECT MAX(IF(VARIABLE_NAME = 'Rpl_semi_sync_source_status', VARIABLE_VALUE, NULL)) AS "
    "source, "
    "MAX(IF(VARIABLE_NAME = 'Rpl_semi_sync_replica_status', VARIABLE_VALUE, NULL)) AS replica, "
    "MAX(IF(VARIABLE_NAME = 'Rpl_semi_sync_source_wait_sessions', VARIABLE_VALUE, NULL)) AS "
    "waiting, "
    "MAX(IF(VARIABLE_NAME = 'Rpl_semi_sync_source_yes_tx', VARIABLE_VALUE, NULL)) AS acknowledged, "
    "MAX(IF(VARIABLE_NAME = 'Rpl_semi_sync_source_clients', VARIABLE_VALUE, NULL)) AS clients "
    "FROM performance_schema.global_status WHERE VARIABLE_NAME LIKE 'Rpl_semi_sync%'";

// Whoever logs in waits for that lock, and who changes accounts keeps it until the commit is
// acknowledged.
constexpr const char* kAccountsLock =
    "SELECT COUNT(*) AS locks FROM performance_schema.metadata_locks "
    "WHERE OBJECT_TYPE = 'ACL CACHE' AND LOCK_TYPE = 'EXCLUSIVE' AND LOCK_STATUS = 'GRANTED'";

constexpr const char* kClone =
    "SELECT (SELECT STATE FROM performance_schema.clone_status) AS state, "
    "(SELECT CAST(LEAST(100, 100 * SUM(DATA) / NULLIF(SUM(ESTIMATE), 0)) AS UNSIGNED) "
    "FROM performance_schema.clone_progress) AS percent";

// With several workers SHOW REPLICA STATUS only says that one of them failed, and where to look.
constexpr const char* kWorkerError =
    "SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker "
    "WHERE LAST_ERROR_NUMBER <> 0 ORDER BY LAST_ERROR_TIMESTAMP LIMIT 1";

constexpr const char* kHeartbeat = "SELECT stamp_ms FROM dorsal.heartbeat WHERE id = 0";

// gtid_owned is a GTID set with the owner's thread id behind each number: uuid:5#12:6#13.
std::string without_owners(std::string_view owned) {
  std::string set;
  bool is_owner = false;
  for (const char c : owned) {
    is_owner = c == '#' || (is_owner && c >= '0' && c <= '9');
    if (!is_owner) set += c;
  }
  return set;
}

Result<void> read_variables(const NamedRow& row, DataStage stage, ServerFacts& facts) {
  if (!row.exists()) return corrupt("the server's variables have no row");
  DORSAL_TRY(facts.executed, mysql::parse_gtid_set(row.text("executed")));
  DORSAL_TRY(facts.purged, mysql::parse_gtid_set(row.text("purged")));
  facts.uuid = row.text("uuid");
  facts.version = row.text("version");
  facts.writable = is_writable(row.flag("super_read_only"), row.flag("read_only"), stage);
  facts.source_semi_sync = row.flag("source_semi_sync");
  facts.required_acks = static_cast<std::uint32_t>(row.number("required_acks"));
  facts.replica_semi_sync = row.flag("replica_semi_sync");
  facts.syncs_relay_log = row.flag("syncs_relay_log");
  return {};
}

void read_semi_sync(const NamedRow& row, ServerFacts& facts) {
  if (!row.exists()) return;
  facts.source_semi_sync_active = row.flag("source");
  facts.replica_semi_sync_active = row.flag("replica");
  facts.waiting_for_acks = row.number("waiting");
  facts.acknowledged = row.number("acknowledged");
  facts.acknowledging = row.number("clients");
}

CloneState read_clone_state(std::string_view text) {
  if (text == "Completed") return CloneState::Completed;
  if (text == "Failed") return CloneState::Failed;
  return text.empty() || text == "Not Started" ? CloneState::None : CloneState::Running;
}

Receiver read_receiver(std::string_view text) {
  if (text == "Yes") return Receiver::On;
  return text == "Connecting" ? Receiver::Connecting : Receiver::Off;
}

// MySQL puts how often it tried in front of why it failed.
std::string without_attempts(const std::string& text) {
  constexpr std::string_view kWhy = " Message: ";
  const std::size_t at = text.find(kWhy);
  return at == std::string::npos ? text : text.substr(at + kWhy.size());
}

// Both errors where there are two: the first may be the cause of the other.
std::string error_text(const NamedRow& row) {
  std::string receiver = without_attempts(row.text("Last_IO_Error"));
  std::string applier = row.text("Last_SQL_Error");
  if (receiver.empty()) return applier;
  return applier.empty() ? receiver : receiver + "; " + applier;
}

io::Task<Result<mysql::ResultSet>> ask(client::Connection& connection,
                                       const char* sql,
                                       Deadline deadline) {
  DORSAL_CO_TRY(auto results, co_await connection.execute(sql, deadline));
  if (results.empty()) co_return corrupt("a query has no result");
  co_return std::move(results.front());
}

// Nothing is said of clone and heartbeat when their tables do not answer: a clone under way drops
// one.
io::Task<Result<void>> ask_clone(client::Connection& connection,
                                 ServerFacts& facts,
                                 Deadline deadline) {
  DORSAL_CO_TRY(mysql::ResultSet rows, co_await ask(connection, kClone, deadline));
  const NamedRow row(rows);
  if (!row.exists()) co_return Result<void>();
  facts.clone.state = read_clone_state(row.text("state"));
  facts.clone.percent = static_cast<int>(row.number("percent"));
  co_return Result<void>();
}

io::Task<Result<void>> ask_accounts_lock(client::Connection& connection,
                                         ServerFacts& facts,
                                         Deadline deadline) {
  DORSAL_CO_TRY(mysql::ResultSet rows, co_await ask(connection, kAccountsLock, deadline));
  const NamedRow row(rows);
  facts.locks_accounts = row.exists() && row.number("locks") > 0;
  co_return Result<void>();
}

io::Task<Result<void>> ask_worker_error(client::Connection& connection,
                                        Following& following,
                                        Deadline deadline) {
  DORSAL_CO_TRY(mysql::ResultSet rows, co_await ask(connection, kWorkerError, deadline));
  const NamedRow row(rows);
  if (row.exists()) following.error_text = row.text("LAST_ERROR_MESSAGE");
  co_return Result<void>();
}

io::Task<Result<void>> ask_heartbeat(client::Connection& connection,
                                     ServerFacts& facts,
                                     Deadline deadline) {
  DORSAL_CO_TRY(client::Reply reply, co_await connection.query(kHeartbeat, deadline));
  if (reply.err || reply.results.empty() || reply.results.front().rows.empty())
    co_return Result<void>();
  facts.heartbeat_ms = NamedRow(reply.results.front()).number("stamp_ms");
  co_return Result<void>();
}

}  // namespace

bool is_writable(bool super_read_only, bool read_only, DataStage stage) {
  if (!read_only) return true;
  return !super_read_only && stage != DataStage::Cloning;
}

Result<Following> read_following(const mysql::ResultSet& rows, const std::string& tls_ca) {
  const NamedRow row(rows);
  if (!row.exists()) return not_found("no source is configured");
  Following following;
  following.host = row.text("Source_Host");
  following.port = static_cast<std::uint16_t>(row.number("Source_Port"));
  following.is_as_we_configure = row.text("Source_User") == kReplicationUser &&
                                 row.flag("Auto_Position") && row.flag("Source_SSL_Allowed") &&
                                 row.flag("Source_SSL_Verify_Server_Cert") &&
                                 row.text("Source_SSL_CA_File") == tls_ca;
  following.receiver = read_receiver(row.text("Replica_IO_Running"));
  following.applier_runs = row.flag("Replica_SQL_Running");
  DORSAL_TRY(following.retrieved, mysql::parse_gtid_set(row.text("Retrieved_Gtid_Set")));
  following.receiver_error = static_cast<std::uint32_t>(row.number("Last_IO_Errno"));
  following.applier_error = static_cast<std::uint32_t>(row.number("Last_SQL_Errno"));
  following.error_text = error_text(row);
  return following;
}

io::Task<Result<ServerFacts>> ask_facts(client::Connection& connection,
                                        FactsWanted wanted,
                                        Deadline deadline) {
  ServerFacts facts;
  DORSAL_CO_TRY(mysql::ResultSet owned, co_await ask(connection, kOwned, deadline));
  DORSAL_CO_TRY(facts.in_flight,
                mysql::parse_gtid_set(without_owners(NamedRow(owned).text("owned"))));
  DORSAL_CO_TRY(mysql::ResultSet variables, co_await ask(connection, kVariables, deadline));
  DORSAL_CO_TRY_VOID(read_variables(NamedRow(variables), wanted.stage, facts));
  DORSAL_CO_TRY(mysql::ResultSet status, co_await ask(connection, kSemiSyncStatus, deadline));
  read_semi_sync(NamedRow(status), facts);
  // Only then do replicas wait for that lock.
  if (facts.waiting_for_acks > 0 && facts.acknowledging < facts.required_acks) {
    DORSAL_CO_TRY_VOID(co_await ask_accounts_lock(connection, facts, deadline));
  }
  DORSAL_CO_TRY(mysql::ResultSet replica,
                co_await ask(connection, "SHOW REPLICA STATUS", deadline));
  if (NamedRow(replica).exists()) {
    DORSAL_CO_TRY(facts.following, read_following(replica, wanted.tls_ca));
    if (facts.following->applier_error != 0) {
      DORSAL_CO_TRY_VOID(co_await ask_worker_error(connection, *facts.following, deadline));
    }
  }
  if (wanted.stage == DataStage::Cloning) {
    DORSAL_CO_TRY_VOID(co_await ask_clone(connection, facts, deadline));
  }
  if (wanted.stage == DataStage::Member) {
    DORSAL_CO_TRY_VOID(co_await ask_heartbeat(connection, facts, deadline));
  }
  co_return facts;
}

}  // namespace dorsal::instance
