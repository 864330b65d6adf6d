#include "edge/instance/bootstrap_sql.h"

#include <string_view>

#include "edge/instance/sql_text.h"

namespace dorsal::instance {

namespace {

std::string create_user(std::string_view user,
                        std::string_view host,
                        std::string_view password,
                        std::string_view options = {}) {
  return "CREATE USER " + quote(user) + "@" + quote(host) +
         " IDENTIFIED WITH caching_sha2_password BY " + quote(password) + std::string(options) +
         ";\n";
}

std::string grant(std::string_view what, std::string_view user, std::string_view host) {
  return "GRANT " + std::string(what) + " TO " + quote(user) + "@" + quote(host) + ";\n";
}

// An application creates schemas and everything in them. The grant is on all schemas by pattern,
// not on *.*: for a schema that a longer pattern names, only that pattern's privileges count, which
// keeps the server's own tables and the heartbeats out of its reach (MySQL Reference Manual,
// "Access Control, Stage 2"). partial_revokes would do the same but takes the wildcards out of
// everybody's grants.
std::string app_account(const Secrets& secrets) {
  constexpr std::string_view kSchemaPrivileges =
      "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, "
      "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, "
      "ALTER ROUTINE, EVENT, TRIGGER ON `%`.*";
  return create_user(kAppUser, "%", secrets.app) + grant(kSchemaPrivileges, kAppUser, "%") +
         grant("SHOW VIEW ON `mysql`.*", kAppUser, "%") +
         grant("SELECT ON `dorsal`.*", kAppUser, "%") +
         grant("SELECT, EXECUTE, SHOW VIEW ON `sys`.*", kAppUser, "%");
}

// The one connection beyond max_connections (CONNECTION_ADMIN) is left to the agent, which must be
// able to fence a full server; so the monitor does not get that privilege.
std::string monitor_account(const Secrets& secrets) {
  return create_user(kMonitorUser, "%", secrets.monitor) +
         grant("REPLICATION CLIENT, REPLICATION SLAVE, PROCESS ON *.*", kMonitorUser, "%") +
         grant("SELECT ON `performance_schema`.*", kMonitorUser, "%") +
         grant("SELECT ON `mysql`.`user`", kMonitorUser, "%") +
         grant("SELECT ON `mysql`.`global_grants`", kMonitorUser, "%") +
         grant("SELECT ON `mysql`.`default_roles`", kMonitorUser, "%") +
         grant("SELECT ON `mysql`.`role_edges`", kMonitorUser, "%") +
         grant("SELECT ON `dorsal`.*", kMonitorUser, "%");
}

}  // namespace

std::string render_bootstrap_sql(const Secrets& secrets) {
  return "SET sql_log_bin=0;\n"
         "ALTER USER 'root'@'localhost' IDENTIFIED BY " +
         quote(secrets.root) + ";\n" +
         "CREATE DATABASE `dorsal`;\n"
         "CREATE TABLE `dorsal`.`heartbeat` (`id` TINYINT UNSIGNED NOT NULL PRIMARY KEY, "
         "`stamp_ms` BIGINT NOT NULL) ENGINE=InnoDB;\n" +
         std::string(kCreateOriginTable) + ";\n" +
         create_user(kAgentUser, "localhost", secrets.agent) +
         grant("ALL ON *.*", kAgentUser, "localhost") +
         create_user(kReplicationUser, "%", secrets.replication, " REQUIRE SSL") +
         grant("REPLICATION SLAVE, REPLICATION CLIENT ON *.*", kReplicationUser, "%") +
         create_user(kCloneUser, "%", secrets.clone, " REQUIRE SSL") +
         grant("BACKUP_ADMIN ON *.*", kCloneUser, "%") + monitor_account(secrets) +
         app_account(secrets);
}

}  // namespace dorsal::instance
