#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/commands.h"
#include "app/find_mysqld.h"
#include "app/interrupt.h"
#include "app/prepare.h"
#include "app/read_status.h"
#include "app/role_keeper.h"
#include "app/stop_roles.h"
#include "app/up_plan.h"
#include "app/wait_healthy.h"
#include "app/work_lock.h"

namespace dorsal::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kWatch = std::chrono::milliseconds(250);

// Says each line with the seconds since the command began, on standard error.
class Progress {
 public:
  void operator()(const std::string& line) const {
    auto seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    fmt::print(stderr, "[{:5.1f} s] {}\n", seconds, line);
  }

 private:
  Clock::time_point start_ = Clock::now();
};

std::vector<Role> all_roles(const UpPlan& plan) {
  std::vector<Role> roles;
  for (const auto& node : plan.nodes) roles.push_back(node.role);
  roles.push_back(plan.proxy.role);
  return roles;
}

// Plans, and plans again under the lock: another `up` may have made the folder in between.
Result<UpPlan> plan_and_prepare(const UpOptions& options, const RoleKeeper::Say& say) {
  auto environment = process_environment();
  DORSAL_TRY(auto checked, plan_up(options, environment));
  DORSAL_TRY(auto lock, lock_work(checked.cluster, say));
  DORSAL_TRY(auto dir, look_at(checked.cluster));
  bool is_other = dir.marker && dir.marker->cluster != checked.marker.cluster;
  if (is_other) {
    DORSAL_TRY(checked, plan_up(options, environment));
  }
  if (!dir.marker)
    say(fmt::format("making a cluster of {} in {}",
                    count_of_nodes(checked.marker.nodes),
                    checked.cluster.dir()));
  DORSAL_TRY_VOID(prepare(checked, options));
  DORSAL_TRY_VOID(record_wish(checked.cluster, Wish::Up));
  return checked;
}

// As short as it can be typed here.
std::string shown_path(const std::string& path) {
  auto relative = std::filesystem::path(path).lexically_relative(std::filesystem::current_path());
  auto text = relative.string();
  return text.empty() || text.starts_with("..") ? path : text;
}

std::vector<std::string> next_commands(const UpPlan& plan) {
  bool is_default = plan.cluster.dir() == (std::filesystem::current_path() / kDefaultDir).string();
  auto dir = shown_path(plan.cluster.dir());
  std::vector<std::string> commands;
  auto client = find_mysql_client(process_environment());
  commands.push_back(fmt::format("{} --defaults-file={}",
                                 client.empty() ? "mysql" : client,
                                 shown_path(plan.cluster.client_options())));
  auto program = shown_path(std::filesystem::read_symlink("/proc/self/exe").string());
  if (program.find('/') == std::string::npos) program = "./" + program;
  commands.push_back(program + " status" + (is_default ? "" : " --dir " + dir));
  commands.push_back("make demo" + (is_default ? "" : fmt::format(" ARGS='--dir {}'", dir)));
  return commands;
}

Result<void> print_summary(const UpPlan& plan, const UpOptions& options) {
  DORSAL_TRY(auto text, read_status(plan.proxy.config));
  auto status = nlohmann::ordered_json::parse(text);
  if (options.json) {
    status["dir"] = plan.cluster.dir();
    status["client_options"] = plan.cluster.client_options();
    fmt::print("{}\n", status.dump(2));
    return {};
  }
  auto endpoint = [&](const char* name) { return status["endpoints"][name].get<std::string>(); };
  fmt::print("\nThe cluster is up: {}, {} is the primary.\n\n",
             count_of_nodes(plan.marker.nodes),
             status["primary"].get<std::string>());
  fmt::print("  reads and writes  {}\n", endpoint("split"));
  fmt::print("  primary only      {}\n", endpoint("primary"));
  fmt::print("  replicas only     {}\n", endpoint("replicas"));
  fmt::print("  status page       http://{}/\n\nTry next:\n", endpoint("http"));
  for (const auto& command : next_commands(plan)) fmt::print("  {}\n", command);
  return {};
}

// Until Ctrl-C, or until another process says `down`.
Result<void> stay(const UpPlan& plan, RoleKeeper& keeper, const RoleKeeper::Say& say) {
  say("running; Ctrl-C stops the cluster");
  while (!Interrupt::has_come()) {
    if (is_wished_down(plan.cluster)) {
      say("stopped by 'dorsal down'");
      return {};
    }
    DORSAL_TRY_VOID(keeper.start_missing(0));
    std::this_thread::sleep_for(kWatch);
  }
  DORSAL_TRY(auto lock, lock_work(plan.cluster, say));
  DORSAL_TRY_VOID(record_wish(plan.cluster, Wish::Down));
  stop_roles(all_roles(plan), say);
  return {};
}

Result<void> stay_in_foreground(const UpPlan& plan,
                                const UpOptions& options,
                                RoleKeeper& keeper,
                                const RoleKeeper::Say& say) {
  Interrupt interrupt;
  auto healthy = wait_until_healthy(plan, keeper, say);
  if (!healthy && !Interrupt::has_come()) return healthy;
  if (healthy) DORSAL_TRY_VOID(print_summary(plan, options));
  std::fflush(stdout);
  return stay(plan, keeper, say);
}

}  // namespace

Result<void> up(const UpOptions& options) {
  RoleKeeper::Say say = Progress();
  DORSAL_TRY(auto plan, plan_and_prepare(options, say));
  RoleKeeper keeper(plan.cluster, all_roles(plan), say);
  if (!options.detach) return stay_in_foreground(plan, options, keeper, say);
  DORSAL_TRY_VOID(wait_until_healthy(plan, keeper, say));
  return print_summary(plan, options);
}

}  // namespace dorsal::app
