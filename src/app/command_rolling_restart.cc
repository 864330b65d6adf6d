#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/ask_member.h"
#include "app/commands.h"
#include "app/interrupt.h"
#include "app/switch_over.h"

namespace dorsal::app {
namespace {

using cluster::NodeName;

constexpr auto kStoreLimit = std::chrono::seconds(5);

// Every one of them, the primary last. Conflict: not all are well, so the cluster could bear no
// restart.
Result<std::vector<NodeName>> in_order(OpenCluster& open) {
  DORSAL_TRY(const coord::Snapshot now, open.look());
  const cluster::Topology& topology = now.topology;
  const cluster::Node* primary = topology.primary();
  if (primary == nullptr) return conflict("the cluster has no primary yet");
  std::vector<NodeName> names;
  for (const cluster::Node& node : topology.nodes) {
    if (!node.state.healthy) {
      return conflict(fmt::format("{} is not healthy; nothing is restarted before every node is",
                                  node.member.name.value()));
    }
    if (&node != primary) names.push_back(node.member.name);
  }
  if (names.empty()) return conflict("there is no other node that could lead meanwhile");
  names.push_back(primary->member.name);
  return names;
}

Result<bool> leads(OpenCluster& open, const NodeName& name) {
  DORSAL_TRY(const coord::Snapshot now, open.load());
  return now.topology.leadership.primary == name;
}

void say(const RollingRestartOptions& options, const std::string& what) {
  if (!options.json) fmt::print(stderr, "{} …\n", what);
}

}  // namespace

Result<void> rolling_restart(const RollingRestartOptions& options) {
  const Interrupt interrupt;
  DORSAL_TRY(auto open, OpenCluster::open(options.config, options.dir, kStoreLimit));
  DORSAL_TRY(const auto names, in_order(*open));
  std::vector<std::string> done;
  for (const NodeName& name : names) {
    DORSAL_TRY(const bool is_primary, leads(*open, name));
    if (is_primary) {
      SwitchoverWish wished;
      wished.reason = options.reason.empty() ? "rolling restart" : options.reason;
      wished.is_silent = options.json;
      DORSAL_TRY_VOID(switch_over(*open, wished));
    }
    const std::string so_far = done.empty()
                                   ? "nothing was restarted yet"
                                   : fmt::format("{} were restarted", fmt::join(done, ", "));
    DORSAL_TRY_VOID(wait_until_bearable(*open, name).in(so_far));
    say(options, "restarting " + name.value());
    DORSAL_TRY_VOID(restart_member(*open, name).in(so_far));
    done.push_back(name.value());
  }
  DORSAL_TRY(const coord::Snapshot now, open->load());
  const std::string& primary = now.topology.leadership.primary.value();
  if (options.json) {
    nlohmann::ordered_json json{{"restarted", done}, {"primary", primary}};
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{} were restarted; {} is the primary\n", fmt::join(done, ", "), primary);
  }
  return {};
}

}  // namespace dorsal::app
