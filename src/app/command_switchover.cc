#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/switch_over.h"

namespace dorsal::app {
namespace {

constexpr auto kStoreLimit = std::chrono::seconds(5);

void print(const SwitchoverDone& done, bool as_json) {
  if (as_json) {
    nlohmann::ordered_json json{{"from", done.from.value()},
                                {"to", done.to.value()},
                                {"term", done.term.value()}};
    fmt::print("{}\n", json.dump(2));
    return;
  }
  fmt::print("{} is the primary of term {}; {} follows it\n",
             done.to.value(),
             done.term.value(),
             done.from.value());
}

}  // namespace

Result<void> switchover(const SwitchoverOptions& options) {
  const Interrupt interrupt;
  DORSAL_TRY(auto open, OpenCluster::open(options.config, options.dir, kStoreLimit));
  SwitchoverWish wished;
  wished.to = options.to;
  wished.reason = options.reason;
  wished.drain_ms = options.drain_ms;
  wished.is_silent = options.json;
  DORSAL_TRY(const SwitchoverDone done, switch_over(*open, wished));
  print(done, options.json);
  return {};
}

}  // namespace dorsal::app
