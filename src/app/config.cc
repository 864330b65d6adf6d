#include "app/config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "app/config_keys.h"
#include "edge/coord/etcd_address.h"
#include "edge/io/files.h"

namespace dorsal::app {
namespace {

// Reads one YAML document into a Config; every failure names the line.
class FileReader {
 public:
  FileReader(Config& config, const std::string& file)
      : config_(config), file_(file), folder_(std::filesystem::path(file).parent_path().string()) {}

  Result<void> read(const YAML::Node& root) {
    if (root.IsNull()) return {};
    if (!root.IsMap()) return at(root, "must be a list of 'key: value' lines");
    return for_each(root, "", [this](const std::string& name, const YAML::Node& value) {
      return read_top(name, value);
    });
  }

 private:
  template <class Function>
  Result<void> for_each(const YAML::Node& map, const std::string& prefix, Function function) {
    std::set<std::string> seen;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) return at(entry.first, "a key must be a plain word");
      auto name = prefix + entry.first.Scalar();
      if (!seen.insert(name).second)
        return at(entry.first, fmt::format("'{}' stands here twice", name));
      line_ = entry.first.Mark().line + 1;
      DORSAL_TRY_VOID(function(name, entry.second));
    }
    return {};
  }

  Result<void> read_top(const std::string& name, const YAML::Node& value) {
    if (!is_config_section(name)) return read_value(name, value);
    if (value.IsNull()) return {};
    if (!value.IsMap()) return here(fmt::format("'{}' must be a section with keys below it", name));
    return for_each(value, name + ".", [this](const std::string& key, const YAML::Node& child) {
      return read_value(key, child);
    });
  }

  Result<void> read_value(const std::string& name, const YAML::Node& value) {
    const auto* key = find_config_key(name);
    if (key == nullptr) return here(unknown_key(name));
    if (name == kSettingsKey) return read_settings(value);
    if (value.IsMap() || value.IsSequence()) {
      return here(fmt::format("'{}' must be a single value", name));
    }
    auto text = value.IsNull() ? std::string() : value.Scalar();
    if (auto set = set_key(*key, config_, text, folder_, line_); !set) {
      return here(fmt::format("'{}' {}", name, set.error().message));
    }
    return {};
  }

  Result<void> read_settings(const YAML::Node& value) {
    config_.node.settings.clear();
    config_.origins[std::string(kSettingsKey)] = Origin{YAML::Dump(value), line_};
    if (value.IsNull()) return {};
    if (!value.IsMap()) {
      return here(
          fmt::format("'{}' must be a section of mysqld options, one per line", kSettingsKey));
    }
    return for_each(value, "", [this](const std::string& name, const YAML::Node& setting) {
      if (!setting.IsScalar() && !setting.IsNull()) {
        return Result<void>(here(fmt::format("mysqld option '{}' must be a single value", name)));
      }
      config_.node.settings[name] = setting.IsNull() ? std::string() : setting.Scalar();
      return Result<void>();
    });
  }

  Error at(const YAML::Node& node, std::string_view what) {
    line_ = node.Mark().line + 1;
    return here(what);
  }
  Error here(std::string_view what) {
    return invalid(fmt::format("{}:{}: {}", file_, line_, what));
  }

  Config& config_;
  const std::string& file_;
  const std::string folder_;
  int line_ = 1;
};

Result<void> read_text(Config& config, const std::string& text, const std::string& file) {
  try {
    return FileReader(config, file).read(YAML::Load(text));
  } catch (const YAML::Exception& failure) {
    return invalid(fmt::format("{}:{}: {}", file, failure.mark.line + 1, failure.msg));
  }
}

std::string variable_name(std::string_view key) {
  std::string name = "DORSAL_";
  for (char c : key) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

Result<void> read_environment(Config& config, const Environment& environment) {
  auto folder = std::filesystem::current_path().string();
  for (const auto& key : config_keys()) {
    auto variable = variable_name(key.name);
    auto text = environment(variable);
    // Kubernetes sets such a variable in every container beside a service named dorsal-proxy-split.
    if (!text || text->starts_with("tcp://")) continue;
    if (auto set = set_key(key, config, *text, folder); !set) {
      return invalid(fmt::format("{} {}", variable, set.error().message));
    }
  }
  return {};
}

Result<void> apply_overrides(Config& config, const Overrides& overrides) {
  auto folder = std::filesystem::current_path().string();
  for (const auto& text : overrides) {
    auto equals = text.find('=');
    if (equals == std::string::npos) {
      return invalid(fmt::format("--set {}: must be key=value", text));
    }
    auto name = text.substr(0, equals);
    const auto* key = find_config_key(name);
    if (key == nullptr) return invalid(fmt::format("--set {}: {}", text, unknown_key(name)));
    if (auto set = set_key(*key, config, text.substr(equals + 1), folder); !set) {
      return invalid(fmt::format("--set {}: '{}' {}", text, name, set.error().message));
    }
  }
  return {};
}

// Two roles of one process cannot share a port; found here, the message can name the keys.
Result<void> check_ports(const Config& config) {
  const std::pair<std::string_view, std::uint16_t> ports[] = {
      {"proxy.split_port", config.proxy.split_port},
      {"proxy.primary_port", config.proxy.primary_port},
      {"proxy.replicas_port", config.proxy.replicas_port},
      {"admin.http_port", config.admin.http_port},
      {"admin.sql_port", config.admin.sql_port}};
  for (const auto* one = std::begin(ports); one != std::end(ports); ++one) {
    for (const auto* other = one + 1; other != std::end(ports); ++other) {
      if (one->second != other->second) continue;
      return invalid(fmt::format("'{}' and '{}' are both {}; give each a port of its own",
                                 one->first,
                                 other->first,
                                 one->second));
    }
  }
  return {};
}

// "FILE:LINE: 'KEY' what", or without the line when the value comes from elsewhere.
Error about_key(const Config& config,
                const std::string& file,
                const std::string& key,
                std::string_view what) {
  const auto found = config.origins.find(key);
  const int line = found == config.origins.end() ? 0 : found->second.line;
  return invalid(
      fmt::format("{}{}: '{}' {}", file, line > 0 ? fmt::format(":{}", line) : "", key, what));
}

// What is said about a store must fit the kind of store.
Result<void> check_store(const Config& config, const std::string& file) {
  const auto& cluster = config.cluster;
  const bool is_etcd = coord::is_etcd_address(cluster.store);
  const std::pair<const char*, const std::string&> keys[] = {
      {"cluster.store_user", cluster.store_user},
      {"cluster.store_password_file", cluster.store_password_file},
      {"cluster.store_ca", cluster.store_ca},
      {"cluster.store_certificate", cluster.store_certificate},
      {"cluster.store_key", cluster.store_key}};
  for (const auto& [key, value] : keys) {
    if (is_etcd || value.empty()) continue;
    return about_key(config, file, key, "counts only for a store in etcd; look at 'cluster.store'");
  }
  if (!is_etcd) return {};
  DORSAL_TRY(auto address, coord::parse_etcd_address(cluster.store));
  for (const auto* tls_key = std::begin(keys) + 2; tls_key != std::end(keys); ++tls_key) {
    if (address.uses_tls || tls_key->second.empty()) continue;
    return about_key(config,
                     file,
                     tls_key->first,
                     "counts only with TLS; write etcds:// in 'cluster.store'");
  }
  if (cluster.store_certificate.empty() != cluster.store_key.empty()) {
    const bool has_key = cluster.store_certificate.empty();
    return about_key(
        config,
        file,
        has_key ? "cluster.store_key" : "cluster.store_certificate",
        has_key ? "needs 'cluster.store_certificate' too" : "needs 'cluster.store_key' too");
  }
  if (!cluster.store_user.empty() && !address.uses_tls && !address.is_loopback_only()) {
    return about_key(config,
                     file,
                     "cluster.store_user",
                     "would send its password in the clear; write etcds:// in 'cluster.store'");
  }
  if (cluster.store_user.empty() && !cluster.store_password_file.empty()) {
    return about_key(config, file, "cluster.store_password_file", "needs 'cluster.store_user' too");
  }
  return {};
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* text = std::getenv(name.c_str());
    if (text == nullptr) return std::nullopt;
    return std::string(text);
  };
}

Config default_config(const std::string& folder) {
  Config config;
  for (const auto& key : config_keys()) {
    auto set = set_key(key, config, key.default_text, folder);
    // A machine without a usable host name must name its node; nothing else can be refused.
    DORSAL_CHECK(set || key.name == "node.name");
  }
  return config;
}

Result<Config> load_config(const std::string& file,
                           const Environment& environment,
                           const Overrides& overrides) {
  auto text = io::read_file(file);
  if (!text) return text.error().in("configuration");
  return parse_config(*text, file, environment, overrides);
}

Result<Config> parse_config(const std::string& text,
                            const std::string& file,
                            const Environment& environment,
                            const Overrides& overrides) {
  auto absolute = std::filesystem::absolute(file).lexically_normal().string();
  auto config = default_config(std::filesystem::path(absolute).parent_path().string());
  DORSAL_TRY_VOID(read_text(config, text, absolute));
  DORSAL_TRY_VOID(read_environment(config, environment));
  DORSAL_TRY_VOID(apply_overrides(config, overrides));
  DORSAL_TRY_VOID(check_ports(config).in(absolute));
  DORSAL_TRY_VOID(check_store(config, absolute));
  return config;
}

}  // namespace dorsal::app
