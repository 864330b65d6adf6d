#include "app/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "app/config_keys.h"
#include "edge/io/files.h"

namespace dorsal::app {
namespace {

Environment no_environment() {
  return [](const std::string&) { return std::nullopt; };
}

Environment environment(const std::map<std::string, std::string>& variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

Result<Config> parse(const std::string& text) {
  return parse_config(text, "/etc/dorsal/dorsal.yaml", no_environment(), {});
}

std::string complaint(const std::string& text) {
  auto parsed = parse(text);
  return parsed ? "accepted" : parsed.error().message;
}

TEST(Config, AnEmptyFileMeansDefaults) {
  for (const char* text : {"", "# nothing\n", "proxy:\nnode:\n"}) {
    auto config = parse(text);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->proxy.split_port, 6033);
    EXPECT_EQ(config->cluster.store, "/etc/dorsal/store.db");
    EXPECT_EQ(config->cluster.mode, cluster::Mode::SemiSync);
    EXPECT_EQ(config->node.dir, "/etc/dorsal");
    EXPECT_EQ(config->proxy.consistency, sql::Consistency::Global);
    EXPECT_FALSE(config->proxy.split_consistency.has_value());
    EXPECT_FALSE(config->node.name.empty());
  }
}

TEST(Config, EveryKeyIsRead) {
  auto config = parse(R"(
cluster: {name: shop, store: "sqlite:///srv/shop.db", mode: async, acks: 2}
node:
  name: db1
  address: 10.0.0.1:3306
  server_id: 7
  dir: /srv/db1
  mysqld: /opt/mysqld
  buffer_pool: 2G
  settings:
    max_connections: 500
    sql_mode: STRICT_ALL_TABLES,ANSI
    skip-name-resolve:
  heartbeat_ms: 250
  zone: north
  read_weight: 0
proxy:
  listen: 0.0.0.0
  split_port: 1
  primary_port: 2
  replicas_port: 3
  consistency: session
  replicas_consistency: Eventual
  causal_wait_ms: 0
  zone: north
  split_max_lag_ms: 1500
  compression: zstd,uncompressed
  server_compression: zlib
  loops: 4
admin: {listen: "::1", http_port: 4, sql_port: 5}
log: {level: debug, file: dorsal.log}
secrets: /s
tls: ../tls
run: r
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->cluster.store, "/srv/shop.db");
  EXPECT_EQ(config->cluster.acks, 2u);
  EXPECT_EQ(config->node.server_id, cluster::ServerId(7));
  EXPECT_EQ(config->node.settings.at("sql_mode"), "STRICT_ALL_TABLES,ANSI");
  EXPECT_EQ(config->node.settings.at("skip-name-resolve"), "");
  EXPECT_EQ(config->node.heartbeat, Milliseconds(250));
  EXPECT_EQ(config->node.zone, "north");
  EXPECT_EQ(config->node.read_weight, 0U);
  EXPECT_EQ(config->proxy.consistency, sql::Consistency::Session);
  EXPECT_EQ(config->proxy.replicas_consistency, sql::Consistency::Eventual);
  EXPECT_EQ(config->proxy.causal_wait, Milliseconds(0));
  EXPECT_EQ(config->proxy.compression, (mysql::CompressionOffer{false, true, true}));
  EXPECT_EQ(config->proxy.server_compression, mysql::CompressionMethod::Zlib);
  EXPECT_EQ(config->proxy.zone, "north");
  EXPECT_EQ(config->proxy.split_max_lag, Milliseconds(1500));
  EXPECT_EQ(config->proxy.replicas_max_lag, Milliseconds(0));
  EXPECT_EQ(config->admin.listen, "::1");
  EXPECT_EQ(config->log.level, LogLevel::Debug);
  EXPECT_EQ(config->log.file, "/etc/dorsal/dorsal.log");
  EXPECT_EQ(config->tls, "/etc/tls");
  EXPECT_EQ(config->run, "/etc/dorsal/r");
}

TEST(Config, AMistypedKeyIsRefusedWithLineAndSuggestion) {
  EXPECT_EQ(complaint("proxy:\n  listen: x\n  split_prot: 1\n"),
            "/etc/dorsal/dorsal.yaml:3: 'proxy.split_prot' is no configuration key; did you mean "
            "'proxy.split_port'?");
  EXPECT_EQ(complaint("prxoy: {}\n"),
            "/etc/dorsal/dorsal.yaml:1: 'prxoy' is no configuration key; did you mean 'proxy'?");
  EXPECT_EQ(complaint("\n\nbanana: 1\n"),
            "/etc/dorsal/dorsal.yaml:3: 'banana' is no configuration key; docs/configuration.md "
            "lists them all");
}

TEST(Config, AWrongValueIsRefusedWithLineAndExpectation) {
  const std::pair<const char*, const char*> cases[] = {
      {"proxy: {split_port: many}",
       "'proxy.split_port' must be a port from 1 to 65535, not 'many'"},
      {"proxy: {split_port: 70000}",
       "'proxy.split_port' must be a port from 1 to 65535, not '70000'"},
      {"proxy: {split_port: [1]}", "'proxy.split_port' must be a single value"},
      {"proxy: {split_port:}", "'proxy.split_port' must be a port from 1 to 65535, not ''"},
      {"proxy: 6033", "'proxy' must be a section with keys below it"},
      {"proxy: {consistency: strict}",
       "'proxy.consistency' must be one of eventual, session, global, strong, not 'strict'"},
      {"proxy: {compression: 'zlib,lz4'}",
       "'proxy.compression' must be some of zlib, zstd, uncompressed, with commas between them, "
       "not 'zlib,lz4'"},
      {"proxy: {server_compression: on}",
       "'proxy.server_compression' must be one of off, zlib, zstd, not 'on'"},
      {"cluster: {mode: raft}",
       "'cluster.mode' must be one of strict, semi-sync, available, async, not 'raft'"},
      {"cluster: {acks: 0}", "'cluster.acks' must be a whole number from 1 to 8, not '0'"},
      {"cluster: {store: store.db}",
       "'cluster.store' must be sqlite:// and the path of a file, as in "
       "sqlite:///var/lib/dorsal/store.db, or etcd:// and endpoints, as in "
       "etcd://db1:2379,db2:2379, not 'store.db'"},
      {"cluster: {store: 'etcd://db1,,db2'}", "'cluster.store' has '' where host:port belongs"},
      {"cluster: {store: 'etcds://root:secret@db1'}",
       "'cluster.store' must be endpoints and a path alone; users, passwords and TLS have own "
       "keys"},
      {"cluster: {name: a b}",
       "'cluster.name' must be at most 63 letters, digits, '-', '_' and '.', not 'a b'"},
      {"node: {address: 6041}", "'node.address' must be host:port, not '6041'"},
      {"node: {agent_address: 6051}", "'node.agent_address' must be host:port, not '6051'"},
      {"node: {name: proxy}", "'node.name' must not be 'proxy'; choose another name"},
      {"node: {buffer_pool: large}",
       "'node.buffer_pool' must be a size such as 128M or 2G, not 'large'"},
      {"node: {settings: [a]}",
       "'node.settings' must be a section of mysqld options, one per line"},
      {"log: {level: loud}", "'log.level' must be one of debug, info, warn, error, not 'loud'"},
      {"secrets: ''", "'secrets' must not be empty"},
      {"log: {level: info, level: warn}", "'log.level' stands here twice"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(complaint(text), std::string("/etc/dorsal/dorsal.yaml:1: ") + expected) << text;
  }
}

TEST(Config, AStoreInEtcdHasKeysOfItsOwn) {
  auto config = parse(R"(
cluster:
  store: etcds://db1:2379,db2:2379/shop
  store_user: dorsal
  store_password_file: etcd-password
  store_ca: ca.pem
  store_certificate: /c.pem
  store_key: /k.pem
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->cluster.store, "etcds://db1:2379,db2:2379/shop");
  EXPECT_EQ(config->cluster.store_user, "dorsal");
  EXPECT_EQ(config->cluster.store_password_file, "/etc/dorsal/etcd-password");
  EXPECT_EQ(config->cluster.store_ca, "/etc/dorsal/ca.pem");
  EXPECT_EQ(config->cluster.store_certificate, "/c.pem");
  EXPECT_EQ(config->cluster.store_key, "/k.pem");
}

TEST(Config, WhatDoesNotFitTheStoreIsRefusedWithItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"cluster:\n  store_user: x",
       "2: 'cluster.store_user' counts only for a store in etcd; look at 'cluster.store'"},
      {"cluster:\n  store: etcd://a\n  store_ca: x",
       "3: 'cluster.store_ca' counts only with TLS; write etcds:// in 'cluster.store'"},
      {"cluster:\n  store: etcds://a\n  store_key: x",
       "3: 'cluster.store_key' needs 'cluster.store_certificate' too"},
      {"cluster:\n  store: etcds://a\n  store_certificate: x",
       "3: 'cluster.store_certificate' needs 'cluster.store_key' too"},
      {"cluster:\n  store_user: x\n  store: etcd://a",
       "2: 'cluster.store_user' would send its password in the clear; write etcds:// in "
       "'cluster.store'"},
      {"cluster:\n  store_password_file: x\n  store: etcd://localhost",
       "2: 'cluster.store_password_file' needs 'cluster.store_user' too"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(complaint(text), std::string("/etc/dorsal/dorsal.yaml:") + expected) << text;
  }
  EXPECT_EQ(complaint("cluster: {store: 'etcd://127.0.0.1,[::1]', store_user: x}"), "accepted");
}

TEST(Config, BrokenYamlIsRefusedWithItsLine) {
  auto message = complaint("proxy:\n  listen: [\n");
  EXPECT_TRUE(message.starts_with("/etc/dorsal/dorsal.yaml:")) << message;
  EXPECT_EQ(complaint("- a\n- b\n"),
            "/etc/dorsal/dorsal.yaml:1: must be a list of 'key: value' lines");
}

TEST(Config, TwoUsesOfOnePortAreNamed) {
  EXPECT_EQ(
      complaint("proxy: {split_port: 6034}"),
      "/etc/dorsal/dorsal.yaml: 'proxy.split_port' and 'proxy.primary_port' are both 6034; give "
      "each a port of its own");
}

TEST(Config, EnvironmentWinsOverTheFileAndFlagsOverBoth) {
  auto variables = environment({{"DORSAL_PROXY_SPLIT_PORT", "7001"},
                                {"DORSAL_NODE_SETTINGS", "max_connections=9 skip-log-bin"},
                                {"DORSAL_ADMIN_HTTP_PORT", "7002"}});
  auto config =
      parse_config("proxy: {split_port: 7000}", "/etc/d.yaml", variables, {"admin.http_port=7003"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->proxy.split_port, 7001);
  EXPECT_EQ(config->admin.http_port, 7003);
  EXPECT_EQ(config->node.settings.at("max_connections"), "9");
  EXPECT_EQ(config->node.settings.at("skip-log-bin"), "");
}

TEST(Config, AWrongVariableOrFlagIsNamed) {
  auto variables = environment({{"DORSAL_CLUSTER_ACKS", "some"}});
  EXPECT_EQ(parse_config("", "/d.yaml", variables, {}).error().message,
            "DORSAL_CLUSTER_ACKS must be a whole number from 1 to 8, not 'some'");
  EXPECT_EQ(parse_config("", "/d.yaml", no_environment(), {"proxy.lisen=x"}).error().message,
            "--set proxy.lisen=x: 'proxy.lisen' is no configuration key; did you mean "
            "'proxy.listen'?");
  EXPECT_EQ(parse_config("", "/d.yaml", no_environment(), {"proxy.loops"}).error().message,
            "--set proxy.loops: must be key=value");
}

TEST(Config, VariablesThatKubernetesMakesUpAreIgnored) {
  auto variables = environment({{"DORSAL_PROXY_SPLIT_PORT", "tcp://10.0.0.1:6033"}});
  EXPECT_EQ(parse_config("", "/d.yaml", variables, {})->proxy.split_port, 6033);
}

TEST(Config, AMissingFileIsNotFound) {
  auto loaded = load_config("/nonexistent/dorsal.yaml", no_environment(), {});
  EXPECT_EQ(loaded.error().kind, ErrorKind::NotFound);
  EXPECT_NE(loaded.error().message.find("/nonexistent/dorsal.yaml"), std::string::npos);
}

TEST(Config, EveryKeyIsDocumentedWithItsDefault) {
  auto page = io::read_file(DORSAL_SOURCE "/docs/configuration.md");
  ASSERT_TRUE(page);
  for (const auto& key : config_keys()) {
    auto shown = key.default_text.empty() ? std::string("none") : "`" + key.default_text + "`";
    auto row = "| `" + key.name + "` | " + shown + " | ";
    EXPECT_NE(page->find(row), std::string::npos) << "no row that begins: " << row;
  }
}

}  // namespace
}  // namespace dorsal::app
