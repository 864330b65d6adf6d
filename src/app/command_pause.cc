#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/open_cluster.h"
#include "edge/io/clock.h"

namespace dorsal::app {
namespace {

constexpr auto kLimit = std::chrono::seconds(5);

void print(bool is_paused, bool has_changed, bool as_json) {
  if (as_json) {
    nlohmann::ordered_json json{{"paused", is_paused}, {"changed", has_changed}};
    fmt::print("{}\n", json.dump(2));
    return;
  }
  if (is_paused) {
    fmt::print("{}no fail-over happens by itself until 'dorsal resume'\n",
               has_changed ? "paused: " : "it was paused already: ");
  } else {
    fmt::print("{}a lost primary is replaced by itself\n",
               has_changed ? "resumed: " : "it was not paused: ");
  }
}

Result<void> change(const PauseOptions& options, bool to_paused) {
  DORSAL_TRY(auto open, OpenCluster::open(options.config, options.dir, kLimit));
  const cluster::Pause pause{options.reason, io::wall_ms()};
  auto& records = open->records();
  auto changed = to_paused ? open->run(records.pause(pause, open->deadline()))
                           : open->run(records.resume(open->deadline()));
  if (!changed) return changed.error();
  if (*changed) {
    open->note(to_paused ? "pause" : "resume", options.reason, cluster::Term());
  }
  print(to_paused, *changed, options.json);
  return {};
}

}  // namespace

Result<void> pause(const PauseOptions& options) { return change(options, true); }
Result<void> resume(const PauseOptions& options) { return change(options, false); }

}  // namespace dorsal::app
