#include "edge/instance/my_cnf.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace dorsal::instance {

namespace {

// Names are normalised: lower case, '_', without loose_, skip_ and their like. An entry that ends
// in
// '*' stands for all names that begin so.
constexpr std::string_view kOurs[] = {"basedir",
                                      "bind_address",
                                      "binlog_do_db",
                                      "binlog_format",
                                      "binlog_ignore_db",
                                      "daemonize",
                                      "datadir",
                                      "enforce_gtid_consistency",
                                      "grant_tables",
                                      "gtid_mode",
                                      "init_file",
                                      "initialize*",
                                      "innodb_flush_log_at_trx_commit",
                                      "innodb_doublewrite",
                                      "innodb_force_recovery",
                                      "log_bin",
                                      "log_bin_index",
                                      "log_error",
                                      "log_replica_updates",
                                      "log_slave_updates",
                                      "mysqlx*",
                                      "networking",
                                      "offline_mode",
                                      "persisted_globals_load",
                                      "pid_file",
                                      "plugin_load",
                                      "port",
                                      "read_only",
                                      "relay_log",
                                      "relay_log_index",
                                      "relay_log_recovery",
                                      "relay_log_purge",
                                      "replica_start",
                                      "slave_start",
                                      "replica_net_timeout",
                                      "replica_parallel_workers",
                                      "replica_preserve_commit_order",
                                      "replica_skip_errors",
                                      "replicate_*",
                                      "report_*",
                                      "require_row_format",
                                      "rpl_semi_sync_*",
                                      "secure_file_priv",
                                      "server_id",
                                      "slave_net_timeout",
                                      "slave_parallel_workers",
                                      "slave_preserve_commit_order",
                                      "slave_skip_errors",
                                      "socket",
                                      "ssl_ca",
                                      "ssl_cert",
                                      "ssl_key",
                                      "super_read_only",
                                      "sync_binlog",
                                      "sync_relay_log",
                                      "user"};

constexpr std::string_view kPrefixes[] = {"loose_", "skip_", "disable_", "enable_", "maximum_"};

std::string normalise(std::string_view name) {
  std::string result;
  for (const char c : name) {
    result += c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix : kPrefixes) {
      if (!result.starts_with(prefix)) continue;
      result.erase(0, prefix.size());
      again = true;
    }
  }
  return result;
}

// mysqld takes any unambiguous beginning of a name for the name, so the beginning of one of ours is
// ours too.
bool is_ours(const std::string& name) {
  return std::any_of(std::begin(kOurs), std::end(kOurs), [&](std::string_view ours) {
    if (ours.back() == '*') {
      const std::string_view stem = ours.substr(0, ours.size() - 1);
      return name.starts_with(stem) || stem.starts_with(name);
    }
    return ours.starts_with(name);
  });
}

bool is_setting_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  });
}

// Quotes keep '#' and spaces; the escapes are those of MySQL's option files.
std::string quote_value(std::string_view value) {
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string line(std::string_view name, std::string_view value) {
  return fmt::format("{}={}\n", name, value);
}

std::string path_line(std::string_view name, std::string_view path) {
  return line(name, quote_value(path));
}

std::string place(const MyCnf& config) {
  std::string text =
      "# Written by dorsal before each start of mysqld; changes here are lost. Settings of\n"
      "# your own belong under node.settings in Dorsal's configuration.\n"
      "[mysqld]\n";
  if (config.run_as_root) text += line("user", "root");
  text += path_line("datadir", config.dir + "/data");
  text += path_line("socket", config.socket_path);
  text += path_line("pid_file", config.dir + "/mysqld.pid");
  text += path_line("log_error", config.dir + "/mysqld.log");
  text += path_line("secure_file_priv", config.dir + "/files");
  text += line("bind_address", config.address.host);
  text += line("port", std::to_string(config.address.port));
  text += line("report_host", config.address.host);
  text += line("report_port", std::to_string(config.address.port));
  text += path_line("ssl_ca", config.tls_ca);
  text += path_line("ssl_cert", config.tls_cert);
  text += path_line("ssl_key", config.tls_key);
  return text;
}

// Settings without which a promise breaks; they are explained in docs/failover.md and the MySQL
// manual. `loose_` marks what a version may not know, or what comes from a plug-in, as those are
// not loaded while initialising.
constexpr std::string_view kPromises = R"(
# Only the agent makes a server writable or starts replication.
super_read_only=ON
skip_replica_start=ON
persisted_globals_load=OFF

gtid_mode=ON
enforce_gtid_consistency=ON
log_bin=binlog
log_replica_updates=ON
loose_binlog_transaction_dependency_tracking=WRITESET
loose_log_bin_trust_function_creators=ON
sync_binlog=1
innodb_flush_log_at_trx_commit=1

# An acknowledgement means "in the relay log": written through, and kept over a restart.
relay_log=relay
relay_log_recovery=OFF
sync_relay_log=1

plugin_load_add=semisync_source.so
plugin_load_add=semisync_replica.so
plugin_load_add=mysql_clone.so
loose_rpl_semi_sync_source_enabled=OFF
loose_rpl_semi_sync_replica_enabled=OFF
loose_rpl_semi_sync_source_wait_point=AFTER_SYNC
loose_rpl_semi_sync_source_wait_no_replica=ON
loose_rpl_semi_sync_source_timeout=4294967295

# A server that lost its newest writes, being put back from an older copy of its folder for one,
# gets them from those who have them. They carry its own number; GTIDs stop the endless loop.
replicate_same_server_id=ON

replica_preserve_commit_order=ON
replica_parallel_workers=4
replica_net_timeout=4

character_set_server=utf8mb4
collation_server=utf8mb4_0900_ai_ci
skip_name_resolve=ON
mysqlx=0
)";

// A default server takes 545 MB before its first client; these take it to about 310. Most of what
// is left out are performance_schema's histories and its tables of errors by account.
constexpr std::string_view kDefaults = R"(
max_connections=500
binlog_expire_logs_seconds=345600
host_cache_size=0
innodb_buffer_pool_instances=1
innodb_log_buffer_size=16M
key_buffer_size=1M
temptable_max_ram=64M
table_open_cache=1000
table_definition_cache=1000
performance_schema_digests_size=1000
loose_performance_schema_error_size=0
performance_schema_accounts_size=32
performance_schema_hosts_size=32
performance_schema_users_size=32
performance_schema_events_statements_history_long_size=100
performance_schema_events_transactions_history_long_size=100
performance_schema_events_stages_history_long_size=100
performance_schema_events_waits_history_long_size=100
performance_schema_events_statements_history_size=2
performance_schema_events_transactions_history_size=2
performance_schema_events_stages_history_size=2
performance_schema_events_waits_history_size=2
performance_schema_instrument='wait/%=OFF'
performance_schema_instrument='wait/lock/metadata/sql/mdl=ON'
performance_schema_instrument='stage/%=OFF'
performance_schema_instrument='stage/innodb/clone%=ON'
)";

}  // namespace

Result<void> check_settings(const Settings& settings) {
  for (const auto& [name, value] : settings) {
    if (!is_setting_name(name)) {
      return invalid(fmt::format("'{}' is not the name of a mysqld setting", name));
    }
    if (value.find_first_of("\r\n") != std::string::npos) {
      return invalid(fmt::format("the value of the mysqld setting {} must be one line", name));
    }
    if (is_ours(normalise(name))) {
      return invalid(
          fmt::format("the mysqld setting {} is decided by Dorsal, which relies on it; "
                      "remove it from the settings",
                      name));
    }
  }
  return {};
}

std::string render_my_cnf(const MyCnf& config) {
  std::string text = place(config);
  text += line("server_id", std::to_string(config.server_id));
  text += line("loose_rpl_semi_sync_source_wait_for_replica_count", std::to_string(config.acks));
  text += kPromises;
  text += kDefaults;
  text += line("innodb_buffer_pool_size", std::to_string(config.buffer_pool_bytes));
  if (!config.settings.empty()) text += "\n# From node.settings.\n";
  for (const auto& [name, value] : config.settings) text += line(name, quote_value(value));
  return text;
}

}  // namespace dorsal::instance
