#include "app/config_keys.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <sstream>

#include "app/suggest.h"
#include "edge/coord/etcd_address.h"
#include "edge/io/url.h"

namespace dorsal::app {
namespace {

constexpr std::string_view kSqlite = "sqlite://";
constexpr Change kAtOnce = Change::AtOnce;
constexpr Change kElsewhere = Change::Elsewhere;

Error wrong(std::string_view expected, std::string_view text) {
  return invalid(fmt::format("must be {}, not '{}'", expected, text));
}

Result<std::uint64_t> number(const std::string& text,
                             std::uint64_t low,
                             std::uint64_t high,
                             std::string_view what) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool is_number = error == std::errc() && end == text.data() + text.size();
  if (!is_number || value < low || value > high) {
    return wrong(fmt::format("{} from {} to {}", what, low, high), text);
  }
  return value;
}

Result<void> set_port(std::uint16_t& port, const std::string& text) {
  DORSAL_TRY(auto value, number(text, 1, 65535, "a port"));
  port = static_cast<std::uint16_t>(value);
  return {};
}

Result<void> set_count(std::uint32_t& count,
                       const std::string& text,
                       std::uint32_t low,
                       std::uint32_t high) {
  DORSAL_TRY(auto value, number(text, low, high, "a whole number"));
  count = static_cast<std::uint32_t>(value);
  return {};
}

Result<void> set_flag(bool& flag, const std::string& text) {
  if (text != "true" && text != "false") return wrong("true or false", text);
  flag = text == "true";
  return {};
}

Result<void> set_time(Milliseconds& time, const std::string& text, std::uint64_t low) {
  DORSAL_TRY(auto value, number(text, low, 3'600'000, "milliseconds"));
  time = Milliseconds(value);
  return {};
}

Result<void> set_text(std::string& out, const std::string& text) {
  if (text.empty()) return invalid("must not be empty");
  out = text;
  return {};
}

Result<void> set_optional_text(std::string& out, const std::string& text) {
  out = text;
  return {};
}

std::string absolute(const std::string& path, const std::string& base_folder) {
  auto joined = (std::filesystem::path(base_folder) / path).lexically_normal().string();
  if (joined.size() > 1 && joined.back() == '/') joined.pop_back();
  return joined;
}

Result<void> set_path(std::string& out, const std::string& text, const std::string& base_folder) {
  if (text.empty()) return invalid("must not be empty");
  out = absolute(text, base_folder);
  return {};
}

Result<void> set_optional_path(std::string& out,
                               const std::string& text,
                               const std::string& base_folder) {
  out = text.empty() ? text : absolute(text, base_folder);
  return {};
}

Result<void> set_optional_url(std::string& out, const std::string& text) {
  if (!text.empty()) {
    auto parsed = io::parse_url(text);
    if (!parsed) return parsed.error();
  }
  out = text;
  return {};
}

Result<void> set_consistency(sql::Consistency& out, const std::string& text) {
  auto parsed = sql::parse_consistency(text);
  if (!parsed) return wrong("one of eventual, session, global, strong", text);
  out = *parsed;
  return {};
}

Result<void> set_optional_consistency(std::optional<sql::Consistency>& out,
                                      const std::string& text) {
  out.reset();
  if (text.empty()) return {};
  sql::Consistency parsed;
  DORSAL_TRY_VOID(set_consistency(parsed, text));
  out = parsed;
  return {};
}

Result<void> set_compression(mysql::CompressionOffer& out, const std::string& text) {
  auto parsed = mysql::parse_compression_offer(text);
  if (!parsed) return wrong("some of zlib, zstd, uncompressed, with commas between them", text);
  out = *parsed;
  return {};
}

Result<void> set_server_compression(mysql::CompressionMethod& out, const std::string& text) {
  constexpr std::pair<std::string_view, mysql::CompressionMethod> kMethods[] = {
      {"off", mysql::CompressionMethod::None},
      {"zlib", mysql::CompressionMethod::Zlib},
      {"zstd", mysql::CompressionMethod::Zstd}};
  for (const auto& [name, method] : kMethods) {
    if (text != name) continue;
    out = method;
    return {};
  }
  return wrong("one of off, zlib, zstd", text);
}

Result<void> set_store(std::string& out, const std::string& text, const std::string& base_folder) {
  if (coord::is_etcd_address(text)) {
    DORSAL_TRY_VOID(coord::parse_etcd_address(text));
    out = text;
    return {};
  }
  if (!text.starts_with(kSqlite) || text.size() == kSqlite.size()) {
    return wrong(
        "sqlite:// and the path of a file, as in sqlite:///var/lib/dorsal/store.db, or etcd:// and "
        "endpoints, as in etcd://db1:2379,db2:2379",
        text);
  }
  out = absolute(text.substr(kSqlite.size()), base_folder);
  return {};
}

Result<void> set_mode(cluster::Mode& out, const std::string& text) {
  auto parsed = cluster::parse_mode(text);
  if (!parsed) return wrong("one of strict, semi-sync, available, async", text);
  out = *parsed;
  return {};
}

// Names stand in keys of the store, in file names and in metrics.
Result<void> set_name(std::string& out, const std::string& text) {
  auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  bool is_name = !text.empty() && text.size() <= 63 && text.front() != '.' &&
                 std::all_of(text.begin(), text.end(), is_allowed);
  if (!is_name) return wrong("at most 63 letters, digits, '-', '_' and '.'", text);
  out = text;
  return {};
}

Result<void> set_server_id(std::optional<cluster::ServerId>& out, const std::string& text) {
  out.reset();
  if (text.empty()) return {};
  DORSAL_TRY(auto value, number(text, 1, 4294967295, "a number"));
  out = cluster::ServerId(static_cast<std::uint32_t>(value));
  return {};
}

// Roles of these names have locks and logs of their own beside those of the nodes.
bool is_taken_name(const std::string& name) { return name == "proxy" || name == "admin"; }

Result<void> set_node_name(std::string& out, const std::string& text) {
  if (is_taken_name(text))
    return invalid(fmt::format("must not be '{}'; choose another name", text));
  if (!text.empty()) return set_name(out, text);
  std::string host(256, '\0');
  if (::gethostname(host.data(), host.size() - 1) != 0) return invalid("must be given");
  return set_name(out, host.c_str());
}

Result<void> set_address(std::string& out, const std::string& text) {
  auto colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon == std::string::npos || colon == 0 || !set_port(port, text.substr(colon + 1))) {
    return wrong("host:port", text);
  }
  out = text;
  return {};
}

Result<void> set_optional_address(std::string& out, const std::string& text) {
  out.clear();
  if (text.empty()) return {};
  return set_address(out, text);
}

// As mysqld reads sizes: a number, and K, M, G or T behind it.
Result<void> set_size(std::string& out, const std::string& text) {
  auto digits = text.find_first_not_of("0123456789");
  bool has_unit = digits == text.size() - 1 &&
                  std::string_view("kKmMgGtT").find(text.back()) != std::string_view::npos;
  if (text.empty() || digits == 0 || (digits != std::string::npos && !has_unit)) {
    return wrong("a size such as 128M or 2G", text);
  }
  out = text;
  return {};
}

Result<void> set_networks(std::vector<admission::Network>& out, const std::string& text) {
  DORSAL_TRY(out, admission::parse_networks(text));
  return {};
}

template <class T, std::size_t Count>
Result<void> set_choice(T& out,
                        const std::string& text,
                        const std::pair<std::string_view, T> (&choices)[Count]) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (text == name) {
      out = value;
      return {};
    }
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return wrong("one of " + names, text);
}

Result<void> set_client_tls(ClientTls& out, const std::string& text) {
  return set_choice(out,
                    text,
                    {{"preferred", ClientTls::Preferred},
                     {"required", ClientTls::Required},
                     {"off", ClientTls::Off}});
}

Result<void> set_server_tls(ServerTls& out, const std::string& text) {
  return set_choice(out,
                    text,
                    {{"verified", ServerTls::Verified},
                     {"unverified", ServerTls::Unverified},
                     {"off", ServerTls::Off}});
}

Result<void> set_level(LogLevel& out, const std::string& text) {
  return set_choice(out,
                    text,
                    {{"debug", LogLevel::Debug},
                     {"info", LogLevel::Info},
                     {"warn", LogLevel::Warn},
                     {"error", LogLevel::Error}});
}

Result<void> set_settings(std::map<std::string, std::string>& out, const std::string& text) {
  out.clear();
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    auto equals = word.find('=');
    if (equals == 0) return wrong("words like name=value", text);
    out[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
  }
  return {};
}

}  // namespace

#define DORSAL_SET(expression)                                                   \
  [](Config& c, const std::string& t, const std::string& base) -> Result<void> { \
    (void)base;                                                                  \
    return expression;                                                           \
  }

const std::vector<ConfigKey>& config_keys() {
  // clang-format off
  static const std::vector<ConfigKey> kKeys = {
      {"cluster.name", "dorsal", DORSAL_SET(set_name(c.cluster.name, t)), kElsewhere},
      {"cluster.store", "sqlite://store.db", DORSAL_SET(set_store(c.cluster.store, t, base))},
      {"cluster.store_user", "", DORSAL_SET(set_optional_text(c.cluster.store_user, t))},
      {"cluster.store_password_file", "",
       DORSAL_SET(set_optional_path(c.cluster.store_password_file, t, base))},
      {"cluster.store_ca", "", DORSAL_SET(set_optional_path(c.cluster.store_ca, t, base))},
      {"cluster.store_certificate", "",
       DORSAL_SET(set_optional_path(c.cluster.store_certificate, t, base))},
      {"cluster.store_key", "", DORSAL_SET(set_optional_path(c.cluster.store_key, t, base))},
      {"cluster.mode", "semi-sync", DORSAL_SET(set_mode(c.cluster.mode, t)), kElsewhere},
      {"cluster.acks", "1", DORSAL_SET(set_count(c.cluster.acks, t, 1, 8)), kElsewhere},
      {"node.name", "", DORSAL_SET(set_node_name(c.node.name, t)), kElsewhere},
      {"node.address", "127.0.0.1:6041", DORSAL_SET(set_address(c.node.address, t)), kElsewhere},
      {"node.agent_address", "",
       DORSAL_SET(set_optional_address(c.node.agent_address, t)), kElsewhere},
      {"node.server_id", "", DORSAL_SET(set_server_id(c.node.server_id, t)), kElsewhere},
      {"node.dir", ".", DORSAL_SET(set_path(c.node.dir, t, base)), kElsewhere},
      {"node.mysqld", "", DORSAL_SET(set_optional_path(c.node.mysqld, t, base)), kElsewhere},
      {"node.buffer_pool", "128M", DORSAL_SET(set_size(c.node.buffer_pool, t)), kElsewhere},
      {"node.settings", "", DORSAL_SET(set_settings(c.node.settings, t)), kElsewhere},
      {"node.heartbeat_ms", "500", DORSAL_SET(set_time(c.node.heartbeat, t, 10)), kElsewhere},
      {"node.lease_ms", "2500", DORSAL_SET(set_time(c.node.lease, t, 500)), kElsewhere},
      {"node.zone", "", DORSAL_SET(set_optional_text(c.node.zone, t)), kElsewhere},
      {"node.priority", "50", DORSAL_SET(set_count(c.node.priority, t, 0, 100)), kElsewhere},
      {"node.clone_limit", "100", DORSAL_SET(set_count(c.node.clone_limit, t, 0, 1'000'000)), kElsewhere},
      {"node.hook", "", DORSAL_SET(set_optional_path(c.node.hook, t, base)), kElsewhere},
      {"node.webhook", "", DORSAL_SET(set_optional_url(c.node.webhook, t)), kElsewhere},
      {"node.read_weight", "100", DORSAL_SET(set_count(c.node.read_weight, t, 0, 10000)), kElsewhere},
      {"proxy.listen", "127.0.0.1", DORSAL_SET(set_text(c.proxy.listen, t))},
      {"proxy.split_port", "6033", DORSAL_SET(set_port(c.proxy.split_port, t))},
      {"proxy.primary_port", "6034", DORSAL_SET(set_port(c.proxy.primary_port, t))},
      {"proxy.replicas_port", "6035", DORSAL_SET(set_port(c.proxy.replicas_port, t))},
      {"proxy.consistency", "global", DORSAL_SET(set_consistency(c.proxy.consistency, t)), kAtOnce},
      {"proxy.split_consistency", "",
       DORSAL_SET(set_optional_consistency(c.proxy.split_consistency, t)), kAtOnce},
      {"proxy.primary_consistency", "",
       DORSAL_SET(set_optional_consistency(c.proxy.primary_consistency, t)), kAtOnce},
      {"proxy.replicas_consistency", "",
       DORSAL_SET(set_optional_consistency(c.proxy.replicas_consistency, t)), kAtOnce},
      {"proxy.causal_wait_ms", "10", DORSAL_SET(set_time(c.proxy.causal_wait, t, 0)), kAtOnce},
      {"proxy.zone", "", DORSAL_SET(set_optional_text(c.proxy.zone, t))},
      {"proxy.split_max_lag_ms", "0", DORSAL_SET(set_time(c.proxy.split_max_lag, t, 0)), kAtOnce},
      {"proxy.replicas_max_lag_ms", "0",
       DORSAL_SET(set_time(c.proxy.replicas_max_lag, t, 0)), kAtOnce},
      {"proxy.login_limit_ms", "10000", DORSAL_SET(set_time(c.proxy.login_limit, t, 1)), kAtOnce},
      {"proxy.connect_limit_ms", "1000", DORSAL_SET(set_time(c.proxy.connect_limit, t, 1)), kAtOnce},
      {"proxy.primary_limit_ms", "10000", DORSAL_SET(set_time(c.proxy.primary_limit, t, 0)), kAtOnce},
      {"proxy.pool_max", "0", DORSAL_SET(set_count(c.proxy.pool_max, t, 0, 100'000)), kAtOnce},
      {"proxy.pool_min", "0", DORSAL_SET(set_count(c.proxy.pool_min, t, 0, 100'000)), kAtOnce},
      {"proxy.pool_reserve", "0", DORSAL_SET(set_count(c.proxy.pool_reserve, t, 0, 100'000)), kAtOnce},
      {"proxy.pool_wait_ms", "10000", DORSAL_SET(set_time(c.proxy.pool_wait, t, 0)), kAtOnce},
      {"proxy.drain_limit_ms", "0", DORSAL_SET(set_time(c.proxy.drain_limit, t, 0)), kAtOnce},
      {"proxy.debug_swap_connections", "false",
       DORSAL_SET(set_flag(c.proxy.debug_swap_connections, t)), kAtOnce},
      {"proxy.compression", "zlib,zstd,uncompressed",
       DORSAL_SET(set_compression(c.proxy.compression, t)), kAtOnce},
      {"proxy.server_compression", "off",
       DORSAL_SET(set_server_compression(c.proxy.server_compression, t)), kAtOnce},
      {"proxy.core_dumps", "false", DORSAL_SET(set_flag(c.proxy.core_dumps, t))},
      {"proxy.loops", "0", DORSAL_SET(set_count(c.proxy.loops, t, 0, 256))},
      {"proxy.proxy_protocol_from", "",
       DORSAL_SET(set_networks(c.proxy.proxy_protocol_from, t)), kAtOnce},
      {"proxy.max_clients", "0",
       DORSAL_SET(set_count(c.proxy.max_clients, t, 0, 1'000'000)), kAtOnce},
      {"proxy.max_clients_per_user", "0",
       DORSAL_SET(set_count(c.proxy.max_clients_per_user, t, 0, 1'000'000)), kAtOnce},
      {"proxy.max_clients_per_address", "0",
       DORSAL_SET(set_count(c.proxy.max_clients_per_address, t, 0, 1'000'000)), kAtOnce},
      {"proxy.max_logins", "1000",
       DORSAL_SET(set_count(c.proxy.max_logins, t, 1, 1'000'000)), kAtOnce},
      {"proxy.tls_mode", "preferred", DORSAL_SET(set_client_tls(c.proxy.tls_mode, t)), kAtOnce},
      {"proxy.tls_certificate", "",
       DORSAL_SET(set_optional_path(c.proxy.tls_certificate, t, base)), kAtOnce},
      {"proxy.tls_key", "", DORSAL_SET(set_optional_path(c.proxy.tls_key, t, base)), kAtOnce},
      {"proxy.tls_client_ca", "",
       DORSAL_SET(set_optional_path(c.proxy.tls_client_ca, t, base)), kAtOnce},
      {"proxy.server_tls", "verified", DORSAL_SET(set_server_tls(c.proxy.server_tls, t)), kAtOnce},
      {"proxy.server_tls_ca", "",
       DORSAL_SET(set_optional_path(c.proxy.server_tls_ca, t, base)), kAtOnce},
      {"proxy.server_tls_certificate", "",
       DORSAL_SET(set_optional_path(c.proxy.server_tls_certificate, t, base)), kAtOnce},
      {"proxy.server_tls_key", "",
       DORSAL_SET(set_optional_path(c.proxy.server_tls_key, t, base)), kAtOnce},
      {"admin.listen", "127.0.0.1", DORSAL_SET(set_text(c.admin.listen, t))},
      {"admin.http_port", "6038", DORSAL_SET(set_port(c.admin.http_port, t))},
      {"admin.sql_port", "6032", DORSAL_SET(set_port(c.admin.sql_port, t))},
      {"log.level", "info", DORSAL_SET(set_level(c.log.level, t)), kAtOnce},
      {"log.file", "", DORSAL_SET(set_optional_path(c.log.file, t, base)), kAtOnce},
      {"secrets", "secrets", DORSAL_SET(set_path(c.secrets, t, base)), kAtOnce},
      {"tls", "tls", DORSAL_SET(set_path(c.tls, t, base)), kAtOnce},
      {"run", "run", DORSAL_SET(set_path(c.run, t, base))},
  };
  // clang-format on
  return kKeys;
}

#undef DORSAL_SET

Result<void> set_key(const ConfigKey& key,
                     Config& config,
                     const std::string& text,
                     const std::string& base_folder,
                     int line) {
  DORSAL_TRY_VOID(key.set(config, text, base_folder));
  config.origins[key.name] = Origin{text, line};
  return {};
}

std::vector<const ConfigKey*> changed_keys(const Config& before, const Config& after) {
  auto text = [](const Config& config, const std::string& name) {
    auto found = config.origins.find(name);
    return found == config.origins.end() ? std::string() : found->second.text;
  };
  std::vector<const ConfigKey*> changed;
  for (const auto& key : config_keys()) {
    if (text(before, key.name) != text(after, key.name)) changed.push_back(&key);
  }
  return changed;
}

const ConfigKey* find_config_key(std::string_view name) {
  const auto& keys = config_keys();
  auto found = std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& key) {
    return key.name == name;
  });
  return found == keys.end() ? nullptr : &*found;
}

std::string unknown_key(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& key : config_keys()) {
    names.push_back(key.name);
    auto dot = key.name.find('.');
    if (dot != std::string::npos) names.push_back(key.name.substr(0, dot));
  }
  auto nearest = nearest_name(name, names);
  auto hint = nearest.empty() ? std::string("; docs/configuration.md lists them all")
                              : fmt::format("; did you mean '{}'?", nearest);
  return fmt::format("'{}' is no configuration key{}", name, hint);
}

bool is_config_section(std::string_view name) {
  const auto& keys = config_keys();
  return std::any_of(keys.begin(), keys.end(), [&](const ConfigKey& key) {
    return key.name.size() > name.size() && key.name.starts_with(name) &&
           key.name[name.size()] == '.';
  });
}

}  // namespace dorsal::app
