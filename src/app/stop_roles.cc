#include "app/stop_roles.h"

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <utility>

namespace dorsal::app {
namespace {

using Clock = std::chrono::steady_clock;
using Say = std::function<void(const std::string&)>;

constexpr auto kProxyLimit = std::chrono::seconds(10);
// An agent gives its mysqld half a minute to write everything down.
constexpr auto kAgentLimit = std::chrono::seconds(45);
constexpr auto kKillLimit = std::chrono::seconds(10);

struct Stopping {
  Role role;
  ProcessHandle process;
};

std::vector<Stopping> ask_to_end(const std::vector<Role>& roles) {
  std::vector<Stopping> stopping;
  for (const auto& role : roles) {
    auto process = running_process(role);
    if (!process) continue;
    process->send(SIGTERM);
    stopping.push_back(Stopping{role, *std::move(process)});
  }
  return stopping;
}

void wait_or_kill(const Stopping& stopping, Clock::time_point end, const Say& say) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  if (stopping.process.wait(std::max(left, std::chrono::milliseconds(0)))) return;
  say(fmt::format("{} does not end and is killed", stopping.role.name));
  stopping.process.send(SIGKILL);
  (void)stopping.process.wait(kKillLimit);
}

void stop_at_once(const std::vector<Role>& roles,
                  Clock::duration limit,
                  const Say& say,
                  std::vector<std::string>& stopped) {
  auto stopping = ask_to_end(roles);
  auto end = Clock::now() + limit;
  for (const auto& one : stopping) {
    wait_or_kill(one, end, say);
    say(fmt::format("{} is stopped", one.role.name));
    stopped.push_back(one.role.name);
  }
}

}  // namespace

std::vector<std::string> stop_roles(const std::vector<Role>& roles, const Say& say) {
  std::vector<Role> agents;
  std::vector<Role> others;
  for (const auto& role : roles) (role.command == "node" ? agents : others).push_back(role);
  std::vector<std::string> stopped;
  stop_at_once(others, kProxyLimit, say, stopped);
  stop_at_once(agents, kAgentLimit, say, stopped);
  return stopped;
}

}  // namespace dorsal::app
