#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/open_cluster.h"
#include "core/failover/protection.h"

namespace dorsal::app {
namespace {

using cluster::Mode;
using cluster::Topology;

constexpr auto kLimit = std::chrono::seconds(5);
constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kLook = std::chrono::seconds(1);

std::string describe(Mode mode, std::uint32_t acks) {
  const auto name = cluster::to_string(mode);
  return mode == Mode::Async ? std::string(name) : fmt::format("{}, acks {}", name, acks);
}

std::string describe(const cluster::Charter& charter) {
  return describe(charter.mode, charter.acks);
}

void print(const Topology& topology, bool has_changed, bool as_json) {
  const bool is_protected = failover::writes_are_protected(topology);
  if (as_json) {
    nlohmann::ordered_json json{{"mode", cluster::to_string(topology.charter.mode)},
                                {"acks", topology.charter.acks},
                                {"acks_in_force", topology.acks_in_force()},
                                {"protected", is_protected},
                                {"changed", has_changed}};
    fmt::print("{}\n", json.dump(2));
    return;
  }
  fmt::print("{}{}: losing the primary {}\n",
             has_changed ? "now " : "",
             describe(topology.charter),
             is_protected ? "loses no acknowledged write" : "may lose acknowledged writes");
}

// An agent that does not know a number that elections are counted by would count by another.
Result<void> check_versions(const Topology& topology) {
  for (const auto& node : topology.nodes) {
    const std::string& theirs = node.state.version;
    if (theirs.empty() || theirs == version_line()) continue;
    return conflict(fmt::format("{} runs {}, and this is {}; run one version on all nodes first",
                                node.member.name.value(),
                                theirs,
                                version_line()));
  }
  return {};
}

Result<void> ask_for(OpenCluster& open, Mode mode, std::uint32_t acks) {
  // What has held until now has to be in the record before it is not what is asked for any more.
  auto keep = [](const Topology& now, cluster::Leadership& next) -> Result<bool> {
    if (next.acks != 0) return false;
    next.acks = now.charter.acks;
    return true;
  };
  DORSAL_TRY_VOID(open.change_leadership(keep));
  return open.run(open.records().change_charter(mode, acks, open.deadline()));
}

Result<Topology> wait_until_it_holds(OpenCluster& open) {
  const Deadline deadline = open.loop().after(kPatience);
  for (;;) {
    DORSAL_TRY(auto snapshot, open.look());
    if (failover::protection_is_as_asked(snapshot.topology)) return std::move(snapshot.topology);
    if (deadline.has_passed(open.loop().now())) break;
    open.wait_for_change(snapshot.newest, kLook);
  }
  return timeout(
      "it is asked for, and does not hold yet: too few replicas have all that was written. It will "
      "when they have; 'dorsal status' shows them");
}

}  // namespace

Result<void> protection(const ProtectionOptions& options) {
  const Interrupt interrupt;
  DORSAL_TRY(auto open, OpenCluster::open(options.config, options.dir, kLimit));
  DORSAL_TRY(auto snapshot, open->look());
  const Topology& topology = snapshot.topology;
  if (options.mode.empty() && !options.acks) {
    print(topology, false, options.json);
    return {};
  }
  Mode mode = topology.charter.mode;
  if (!options.mode.empty()) {
    DORSAL_TRY(mode, cluster::parse_mode(options.mode));
  }
  const std::uint32_t acks = options.acks.value_or(topology.charter.acks);
  const bool is_changed = mode != topology.charter.mode || acks != topology.charter.acks;
  if (is_changed) {
    DORSAL_TRY_VOID(failover::check_protection(topology, mode, acks));
    DORSAL_TRY_VOID(check_versions(topology));
    const std::string what =
        fmt::format("{} instead of {}", describe(mode, acks), describe(topology.charter));
    DORSAL_TRY_VOID(open->record("protection", what, topology.leadership.term));
    DORSAL_TRY_VOID(ask_for(*open, mode, acks));
  }
  DORSAL_TRY(const auto held, wait_until_it_holds(*open));
  print(held, is_changed, options.json);
  return {};
}

}  // namespace dorsal::app
