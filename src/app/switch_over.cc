#include "app/switch_over.h"

#include <fmt/format.h>

#include <utility>

#include "app/interrupt.h"
#include "core/failover/switchover.h"
#include "edge/io/clock.h"
#include "edge/io/scope.h"

namespace dorsal::app {
namespace {

using cluster::NodeName;
using cluster::Switchover;

constexpr auto kLookEvery = std::chrono::milliseconds(200);

// Beyond what the primary itself allows: it may be gone.
constexpr auto kPatience = std::chrono::seconds(30);

struct Begun {
  Switchover planned;
  cluster::Term term;
  NodeName from;
};

Result<Begun> begin(OpenCluster& open, const SwitchoverWish& wished) {
  std::optional<NodeName> wish;
  if (!wished.to.empty()) wish = NodeName(wished.to);
  Begun begun;
  DORSAL_TRY_VOID(open.change_leadership(
      [&](const cluster::Topology& now, cluster::Leadership& next) -> Result<bool> {
        DORSAL_TRY(begun.planned, failover::plan_switchover(now, wish, io::wall_ms()));
        begun.planned.reason = wished.reason;
        begun.planned.drain_ms = wished.drain_ms;
        begun.term = next.term;
        begun.from = next.primary;
        next.switchover = begun.planned;
        return true;
      }));
  open.note("switchover",
            fmt::format("from {} to {}{}{}",
                        begun.from.value(),
                        begun.planned.to.value(),
                        wished.reason.empty() ? "" : ": ",
                        wished.reason),
            begun.term);
  return begun;
}

// Null when another one has taken its place.
const Switchover* find(const cluster::Leadership& leadership, const Begun& begun) {
  const auto& present = leadership.switchover;
  return present && present->begun_ms == begun.planned.begun_ms ? &*present : nullptr;
}

// Only what has not changed anything yet can be called off.
void call_off(OpenCluster& open, const Begun& begun, const std::string& why) {
  (void)open.change_leadership(
      [&](const cluster::Topology&, cluster::Leadership& next) -> Result<bool> {
        const bool is_there = next.term == begun.term && find(next, begun) != nullptr;
        if (!is_there || next.election) return false;
        next.switchover->given_up = why;
        return true;
      });
}

// Empty: not over yet.
Result<std::optional<NodeName>> outcome(const cluster::Topology& topology, const Begun& begun) {
  const auto& leadership = topology.leadership;
  if (leadership.term == begun.term) {
    const Switchover* present = find(leadership, begun);
    const bool is_pending = present != nullptr && present->is_under_way();
    if (is_pending || leadership.election) return std::optional<NodeName>();
    return conflict(fmt::format("the switchover was given up: {}; {} is the primary as before",
                                present == nullptr ? "another one was begun" : present->given_up,
                                begun.from.value()));
  }
  const cluster::Node* primary = topology.primary();
  if (primary == nullptr || primary->state.role != cluster::Role::Primary) {
    return std::optional<NodeName>();
  }
  if (leadership.primary == begun.planned.to) return std::optional(leadership.primary);
  return conflict(fmt::format("{} could not take over, and {} is the primary now",
                              begun.planned.to.value(),
                              leadership.primary.value()));
}

// Says each phase once.
class Progress {
 public:
  explicit Progress(bool is_silent) : is_silent_(is_silent) {}
  void show(const cluster::Leadership& leadership, const Begun& begun) {
    std::string phase = "waiting for " + begun.planned.to.value() + " to be close";
    if (leadership.switchover && leadership.switchover->holding) {
      phase = "holding back new statements";
    }
    if (leadership.election) phase = "electing " + begun.planned.to.value();
    if (leadership.term != begun.term) phase = "waiting for the new primary to take writes";
    if (phase == said_ || is_silent_) return;
    fmt::print(stderr, "{} …\n", phase);
    said_ = phase;
  }

 private:
  const bool is_silent_;
  std::string said_;
};

Result<void> wait(OpenCluster& open, const Begun& begun, Progress& progress) {
  const Deadline give_up =
      open.loop().after(std::chrono::milliseconds(begun.planned.drain_ms) + Duration(kPatience));
  while (!give_up.has_passed(open.loop().now())) {
    if (Interrupt::has_come()) {
      call_off(open, begun, "it was interrupted");
      return unavailable("interrupted; 'dorsal status' shows how things stand");
    }
    DORSAL_TRY(const coord::Snapshot now, open.load());
    progress.show(now.topology.leadership, begun);
    DORSAL_TRY(const auto done, outcome(now.topology, begun));
    if (done) return {};
    open.wait_for_change(now.newest, kLookEvery);
  }
  call_off(open, begun, "it took too long");
  return timeout("it has not come to an end in time; look at 'dorsal status'");
}

}  // namespace

Result<SwitchoverDone> switch_over(OpenCluster& open, const SwitchoverWish& wished) {
  DORSAL_TRY(const Begun begun, begin(open, wished));
  Progress progress(wished.is_silent);
  DORSAL_TRY_VOID(wait(open, begun, progress));
  DORSAL_TRY(const coord::Snapshot now, open.load());
  return SwitchoverDone{begun.from, begun.planned.to, now.topology.leadership.term};
}

}  // namespace dorsal::app
