#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/commands.h"
#include "app/outcome.h"
#include "app/role.h"
#include "app/up_plan.h"
#include "app/work_lock.h"

namespace dorsal::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kEvery = std::chrono::milliseconds(20);

void say(const std::string& line) { fmt::print(stderr, "{}\n", line); }

Result<void> wait_until_it_holds(const Role& role, const ProcessHandle& started) {
  const auto end = Clock::now() + kPatience;
  while (Clock::now() < end) {
    if (running_pid(role) == started.pid()) return {};
    if (started.wait(kEvery)) {
      return unavailable(fmt::format("the proxy that runs goes on; the new one ended with: {}",
                                     last_log_line(role.log)));
    }
  }
  started.send(SIGTERM);
  return timeout(fmt::format("the new process was not ready within {} s; {} may say why",
                             kPatience.count(),
                             role.log));
}

// What is printed of a proxy that was followed; `version` may be empty.
void print_upgrade(const UpgradeOptions& options,
                   pid_t pid,
                   pid_t before,
                   const std::string& version) {
  if (options.json) {
    nlohmann::ordered_json json{{"role", kProxyRole}, {"pid", pid}, {"predecessor", before}};
    if (!version.empty()) json["version"] = version;
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{} is now {}pid {}; pid {} ends when its last client has left\n",
               kProxyRole,
               version.empty() ? "" : version + ", ",
               pid,
               before);
  }
}

// Asks the proxy to start its successor itself, so that it belongs to the same service.
Result<void> upgrade_service(const UpgradeOptions& options) {
  DORSAL_TRY(const auto config, load_config(options.config, process_environment(), {}));
  const Role
      role{kProxyRole, kProxyRole, options.config, lock_file(config.run, kProxyRole), "", {}, ""};
  const auto before = running_process(role);
  if (!before) {
    return not_found(fmt::format("no proxy runs by {}; start it with 'dorsal proxy --config {}'",
                                 options.config,
                                 options.config));
  }
  const std::int64_t asked_ns = steady_ns();
  before->send(SIGUSR2);
  const auto end = Clock::now() + kPatience;
  while (Clock::now() < end) {
    const auto holder = running_pid(role);
    if (holder && *holder > 0 && *holder != before->pid()) {
      print_upgrade(options, *holder, before->pid(), "");
      return {};
    }
    const auto outcome = read_outcome(upgrade_file(config.run, kProxyRole));
    if (outcome && outcome->began_ns >= asked_ns && outcome->is_refused) {
      return unavailable("the proxy that runs goes on; " + outcome->message);
    }
    if (before->has_ended()) return unavailable("the proxy has ended; its log says why");
    std::this_thread::sleep_for(kEvery);
  }
  return timeout(
      fmt::format("the new process was not ready within {} s; the log of the proxy may say why",
                  kPatience.count()));
}

}  // namespace

Result<void> upgrade(const UpgradeOptions& options) {
  if (!options.config.empty()) return upgrade_service(options);
  const LocalCluster cluster(std::filesystem::absolute(options.dir).lexically_normal().string());
  DORSAL_TRY(const auto dir, look_at(cluster));
  if (dir.state != DirState::Ours) {
    return not_found(fmt::format("there is no cluster in {}", cluster.dir()));
  }
  DORSAL_TRY(const auto lock, lock_work(cluster, say));
  Role role = roles_of(cluster, *dir.marker, process_environment()).back();
  const auto before = running_process(role);
  if (!before) return not_found("no proxy runs there; start it with 'dorsal up'");
  role.arguments.emplace_back("--take-over");
  DORSAL_TRY(const auto pid, start_role(role).in(role.name));
  const auto started = ProcessHandle::open(pid);
  if (!started)
    return unavailable(fmt::format("the new process ended at once; {}", last_log_line(role.log)));
  DORSAL_TRY_VOID(wait_until_it_holds(role, *started));
  print_upgrade(options, pid, before->pid(), version_line());
  return {};
}

}  // namespace dorsal::app
