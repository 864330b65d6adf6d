#include "edge/instance/my_cnf.h"

#include <gtest/gtest.h>

namespace dorsal::instance {
namespace {

MyCnf config() {
  MyCnf config;
  config.dir = "/srv/node1";
  config.socket_path = "/srv/node1/mysqld.sock";
  config.address = io::Endpoint("127.0.0.1", 6041);
  config.server_id = 7;
  config.acks = 2;
  config.buffer_pool_bytes = 1 << 20;
  return config;
}

bool has_line(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

TEST(MyCnf, BootsSafe) {
  const std::string text = render_my_cnf(config());
  for (const char* line : {"super_read_only=ON",
                           "skip_replica_start=ON",
                           "persisted_globals_load=OFF",
                           "loose_rpl_semi_sync_source_enabled=OFF",
                           "relay_log_recovery=OFF",
                           "replicate_same_server_id=ON",
                           "sync_relay_log=1",
                           "sync_binlog=1",
                           "server_id=7",
                           "loose_rpl_semi_sync_source_wait_for_replica_count=2"}) {
    EXPECT_TRUE(has_line(text, line)) << line;
  }
}

TEST(MyCnf, RunsAsRootOnlyWhenItMust) {
  MyCnf as_root = config();
  as_root.run_as_root = true;
  EXPECT_TRUE(has_line(render_my_cnf(as_root), "user=root"));
  EXPECT_FALSE(has_line(render_my_cnf(config()), "user=root"));
}

TEST(MyCnf, TheUsersSettingsComeLast) {
  MyCnf with = config();
  with.settings = {{"max_connections", "50"}};
  const std::string text = render_my_cnf(with);
  EXPECT_LT(text.find("max_connections=500"), text.find("max_connections=\"50\""));
}

TEST(MyCnf, ValuesAreQuoted) {
  MyCnf with = config();
  with.dir = "/srv/a \"b\" \\c # d";
  EXPECT_TRUE(has_line(render_my_cnf(with), R"(datadir="/srv/a \"b\" \\c # d/data")"));
}

TEST(MyCnf, SettingsThatBreakAPromiseAreRefusedHoweverTheyAreSpelt) {
  for (const char* name : {"sync_binlog",
                           "sync-binlog",
                           "SYNC_BINLOG",
                           "loose_sync_binlog",
                           "super-read-only",
                           "gtid_mode",
                           "server-id",
                           "skip-log-bin",
                           "disable-log-bin",
                           "skip_replica_start",
                           "rpl_semi_sync_source_timeout",
                           "replicate-do-db",
                           "skip-networking",
                           "datadir",
                           "sync_bin",
                           "rpl_semi"}) {
    const auto checked = check_settings({{name, "1"}});
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().message.find(std::string("the mysqld setting ") + name), 0u);
  }
}

TEST(MyCnf, OrdinarySettingsArePassed) {
  EXPECT_TRUE(check_settings({{"max_connections", "50"},
                              {"innodb-buffer-pool-size", "1G"},
                              {"sql_mode", "ANSI"},
                              {"lower_case_table_names", "1"},
                              {"slow_query_log", "ON"},
                              {"log_bin_trust_function_creators", "OFF"},
                              {"replica_pending_jobs_size_max", "1G"}}));
}

TEST(MyCnf, WhatIsNoSettingIsRefused) {
  EXPECT_FALSE(check_settings({{"max connections", "1"}}));
  EXPECT_FALSE(check_settings({{"", "1"}}));
  EXPECT_FALSE(check_settings({{"sql_mode", "ANSI\nsync_binlog=0"}}));
}

}  // namespace
}  // namespace dorsal::instance
