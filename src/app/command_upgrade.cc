#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/commands.h"
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

}  // namespace

Result<void> upgrade(const UpgradeOptions& options) {
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
  if (options.json) {
    nlohmann::ordered_json json{{"role", role.name},
                                {"pid", pid},
                                {"predecessor", before->pid()},
                                {"version", version_line()}};
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{} is now {}, pid {}; pid {} ends when its last client has left\n",
               role.name,
               version_line(),
               pid,
               before->pid());
  }
  return {};
}

}  // namespace dorsal::app
