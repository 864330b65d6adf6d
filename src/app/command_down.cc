#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/stop_roles.h"
#include "app/work_lock.h"

namespace dorsal::app {
namespace {

void say(const std::string& line) { fmt::print(stderr, "{}\n", line); }

Result<void> confirm(const LocalCluster& cluster, const DownOptions& options) {
  if (options.yes) return {};
  if (::isatty(STDIN_FILENO) == 0) {
    return invalid(
        fmt::format("--destroy removes all data in {}; say --yes to do it without being "
                    "asked",
                    cluster.dir()));
  }
  fmt::print(stderr,
             "This removes the cluster in {} with all its data. Type 'yes' to go on: ",
             cluster.dir());
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "yes") return {};
  return invalid("nothing was removed");
}

// What `up` and the roles made, the marker last: until then the folder is ours and may be destroyed
// again.
std::vector<std::string> our_entries(const LocalCluster& cluster, const Marker& marker) {
  auto entries = leftovers(cluster);
  for (const auto& name : node_names(marker.nodes)) entries.push_back(cluster.node_dir(name));
  for (const char* suffix : {"", "-wal", "-shm"}) entries.push_back(cluster.store() + suffix);
  for (const auto& entry : {cluster.secrets(),
                            cluster.tls(),
                            cluster.logs(),
                            cluster.run(),
                            cluster.client_options(),
                            cluster.config(),
                            cluster.marker(),
                            cluster.work_lock()}) {
    entries.push_back(entry);
  }
  return entries;
}

Result<void> destroy(const LocalCluster& cluster, const Marker& marker) {
  for (const auto& entry : our_entries(cluster, marker)) {
    DORSAL_TRY_VOID(io::remove_tree(entry));
  }
  std::error_code left;
  std::filesystem::remove(cluster.dir(), left);
  if (left) say(fmt::format("{} stays: it holds files that are not dorsal's", cluster.dir()));
  return {};
}

void print_outcome(const DownOptions& options,
                   const LocalCluster& cluster,
                   const std::vector<std::string>& stopped) {
  if (options.json) {
    nlohmann::ordered_json json{{"dir", cluster.dir()},
                                {"stopped", stopped},
                                {"destroyed", options.destroy}};
    fmt::print("{}\n", json.dump(2));
    return;
  }
  if (stopped.empty()) fmt::print("nothing of {} was running\n", cluster.dir());
  if (!stopped.empty()) fmt::print("stopped: {}\n", fmt::join(stopped, ", "));
  if (options.destroy) fmt::print("removed: {}\n", cluster.dir());
}

}  // namespace

Result<void> down(const DownOptions& options) {
  LocalCluster cluster(std::filesystem::absolute(options.dir).lexically_normal().string());
  DORSAL_TRY(auto dir, look_at(cluster));
  if (dir.state != DirState::Ours) {
    if (options.json) {
      print_outcome(options, cluster, {});
    } else {
      fmt::print("there is no cluster in {}\n", cluster.dir());
    }
    return {};
  }
  if (options.destroy) DORSAL_TRY_VOID(confirm(cluster, options));
  DORSAL_TRY(auto lock, lock_work(cluster, say));
  DORSAL_TRY_VOID(record_wish(cluster, Wish::Down));
  auto stopped = stop_roles(roles_of(cluster, *dir.marker, process_environment()), say);
  if (options.destroy) DORSAL_TRY_VOID(destroy(cluster, *dir.marker));
  print_outcome(options, cluster, stopped);
  return {};
}

}  // namespace dorsal::app
