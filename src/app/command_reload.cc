#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/commands.h"
#include "app/local_cluster.h"
#include "app/outcome.h"
#include "app/role.h"

namespace dorsal::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(30);
constexpr auto kEvery = std::chrono::milliseconds(20);

struct Running {
  std::string role;
  std::string outcome_file;
  ProcessHandle process;
};

std::vector<Running> find_running(const std::string& run_folder) {
  std::vector<Running> found;
  for (const char* name : {kProxyRole, kAdminRole}) {
    auto process = running_process(Role{name, name, "", lock_file(run_folder, name), "", {}, ""});
    if (process) found.push_back({name, reload_file(run_folder, name), *std::move(process)});
  }
  return found;
}

// What the process made of a signal that was sent after `asked`.
Result<std::string> wait_for_outcome(const Running& running, Clock::time_point asked) {
  const std::int64_t asked_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(asked.time_since_epoch()).count();
  while (Clock::now() < asked + kPatience) {
    auto outcome = read_outcome(running.outcome_file);
    if (outcome && outcome->began_ns >= asked_ns) {
      if (outcome->is_refused) return invalid(outcome->message);
      return outcome->message;
    }
    if (running.process.has_ended()) {
      return unavailable(fmt::format("{} has ended; its log says why", running.role));
    }
    std::this_thread::sleep_for(kEvery);
  }
  return timeout(fmt::format("{} (pid {}) has not answered within {} s; its log may say why",
                             running.role,
                             running.process.pid(),
                             kPatience.count()));
}

void print_outcome(const std::string& role, const std::string& changed, bool as_json) {
  if (as_json) {
    nlohmann::ordered_json json{{"role", role}, {"changed", changed}};
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{} has read its configuration again; changed: {}\n", role, changed);
  }
}

}  // namespace

Result<void> reload(const ReloadOptions& options) {
  auto environment = process_environment();
  auto file = find_config_file(options.config, options.dir, environment);
  auto config = load_config(file, environment, {});
  if (!config && config.error().kind == ErrorKind::NotFound) return config.error();
  // The process itself is to say what is wrong with a configuration; it is then where it usually
  // is.
  auto folder = std::filesystem::absolute(file).lexically_normal().parent_path().string();
  auto running = find_running(config ? config->run : default_config(folder).run);
  if (running.empty() && !config) return config.error();
  if (running.empty()) {
    return not_found(
        fmt::format("no proxy runs by {}; start it with 'dorsal proxy --config {}'", file, file));
  }
  for (const auto& each : running) {
    const auto asked = Clock::now();
    each.process.send(SIGHUP);
    DORSAL_TRY(auto changed, wait_for_outcome(each, asked));
    print_outcome(each.role, changed, options.json);
  }
  return {};
}

}  // namespace dorsal::app
