// `dorsal restart`, `rebuild` and `remove`.
#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "app/ask_member.h"
#include "app/commands.h"
#include "app/interrupt.h"

namespace dorsal::app {
namespace {

constexpr auto kStoreLimit = std::chrono::seconds(5);

Result<void> carry_out(
    const MemberOptions& options,
    const char* done,
    const std::function<Result<void>(OpenCluster&, const cluster::NodeName&)>& act) {
  const Interrupt interrupt;
  DORSAL_TRY(auto open, OpenCluster::open(options.config, options.dir, kStoreLimit));
  DORSAL_TRY_VOID(act(*open, cluster::NodeName(options.node)));
  if (options.json) {
    nlohmann::ordered_json json{{"node", options.node}, {"done", done}};
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{} is {}\n", options.node, done);
  }
  return {};
}

}  // namespace

Result<void> restart(const MemberOptions& options) {
  return carry_out(options, "restarted", restart_member);
}

Result<void> rebuild(const MemberOptions& options) {
  return carry_out(options, "rebuilt", rebuild_member);
}

Result<void> remove(const RemoveOptions& options) {
  return carry_out(options, "removed", [&](OpenCluster& open, const cluster::NodeName& name) {
    return remove_member(open, name, options.is_gone);
  });
}

}  // namespace dorsal::app
