#include "app/reloader.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <utility>

#include "app/config_keys.h"
#include "app/file_stamp.h"
#include "app/outcome.h"
#include "app/proxy_options.h"
#include "app/role_process.h"
#include "base/log.h"

namespace dorsal::app {
namespace {

// "file:7", or the file alone when the key stands nowhere in it any more.
std::string place_of(const ConfigKey& key, const Config& config, const std::string& file) {
  auto found = config.origins.find(key.name);
  const bool has_line = found != config.origins.end() && found->second.line > 0;
  return has_line ? fmt::format("{}:{}", file, found->second.line) : file;
}

std::string names_of(const std::vector<const ConfigKey*>& keys) {
  std::string names;
  for (const auto* key : keys) names += (names.empty() ? "" : ", ") + key->name;
  return names.empty() ? "nothing" : names;
}

std::string certificate_stamp(const Config& config) { return stamp_of(certificate_files(config)); }

}  // namespace

Result<void> check_change(const Config& before, const Config& after, const std::string& file) {
  std::string fixed;
  for (const auto* key : changed_keys(before, after)) {
    if (key->change != Change::Restart) continue;
    if (!fixed.empty()) fixed += "; ";
    fixed +=
        fmt::format("{}: '{}' cannot change while it runs", place_of(*key, after, file), key->name);
  }
  if (fixed.empty()) return {};
  return invalid(fixed + "; restart it, or take the change back");
}

Reloader::Reloader(std::string role, RoleOptions options, Config config)
    : role_(std::move(role)),
      options_(std::move(options)),
      config_(std::move(config)),
      stamp_(certificate_stamp(config_)) {}

Result<std::string> Reloader::try_reload() {
  DORSAL_TRY(auto config, load_role_config(options_));
  auto file = std::filesystem::absolute(role_config_file(options_)).lexically_normal().string();
  DORSAL_TRY_VOID(check_change(config_, config, file));
  proxy::Options options;
  auto stamp = certificate_stamp(config);
  if (proxy_ != nullptr) {
    DORSAL_TRY(options, proxy_options(config).in(file));
  }
  DORSAL_TRY_VOID(open_log(config.log).in(file));
  // From here on nothing can fail.
  if (proxy_ != nullptr) proxy_->change(std::move(options));
  auto changed = names_of(changed_keys(config_, config));
  config_ = std::move(config);
  stamp_ = std::move(stamp);
  return changed;
}

void Reloader::reload() {
  if (is_retired_) return;
  Outcome outcome;
  outcome.began_ns = steady_ns();
  auto changed = try_reload();
  outcome.is_refused = !changed.has_value();
  outcome.message = changed ? *changed : changed.error().message;
  if (changed) {
    log_info(role_, "reload=done changed=\"{}\"", outcome.message);
  } else {
    log_error(role_,
              "reload=refused reason=\"{}\"; the configuration from before stays",
              outcome.message);
  }
  auto written = write_outcome(reload_file(config_.run, role_), outcome);
  if (!written) log_error(role_, "reload=unreported reason=\"{}\"", written.error().message);
}

void Reloader::look_at_certificates() {
  if (proxy_ == nullptr) return;
  auto stamp = certificate_stamp(config_);
  if (stamp == stamp_) return;
  stamp_ = std::move(stamp);
  auto options = proxy_options(config_);
  if (!options) {
    log_error(role_,
              "certificates=refused reason=\"{}\"; those from before stay",
              options.error().message);
    return;
  }
  proxy_->change(*std::move(options));
  log_info(role_, "certificates=reloaded");
}

}  // namespace dorsal::app
