#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/open_cluster.h"
#include "core/failover/manual_failover.h"
#include "edge/io/clock.h"

namespace dorsal::app {
namespace {

using failover::ManualFailover;

constexpr auto kStoreLimit = std::chrono::seconds(5);
constexpr auto kLookEvery = std::chrono::milliseconds(200);
constexpr auto kPatience = std::chrono::seconds(60);

std::string what_would_be_lost(const ManualFailover& planned) {
  std::string text = planned.lost.empty()
                         ? "nothing that any node has told of would be lost"
                         : fmt::format("these transactions, at least, would be lost: {}",
                                       planned.lost.to_string());
  if (!planned.unknown.empty()) {
    text += fmt::format("; what {} received last is not known", fmt::join(planned.unknown, ", "));
  }
  return text;
}

Error refusal(const ManualFailover& planned) {
  return conflict(fmt::format("{}; {}; --allow-data-loss makes {} the primary all the same",
                              planned.obstacle,
                              what_would_be_lost(planned),
                              planned.election.candidate->value()));
}

// Before anything is done, so that nothing is lost of which there is no record.
Result<void> record_cost(OpenCluster& open, const ManualFailover& planned, cluster::Term term) {
  const std::string cost = what_would_be_lost(planned);
  fmt::print(stderr, "{}\n", cost);
  return open.record("failover --allow-data-loss", planned.election.reason + "; " + cost, term)
      .in("nothing was done, as it could not be recorded");
}

Result<ManualFailover> begin(OpenCluster& open, const FailoverOptions& options) {
  std::optional<cluster::NodeName> wish;
  if (!options.to.empty()) wish = cluster::NodeName(options.to);
  ManualFailover planned;
  std::string recorded;
  cluster::Term term;
  DORSAL_TRY_VOID(open.change_leadership(
      [&](const cluster::Topology& now, cluster::Leadership& next) -> Result<bool> {
        DORSAL_TRY(planned, failover::plan_failover(now, wish, options.reason, io::wall_ms()));
        if (!planned.obstacle.empty() && !options.may_lose_writes) return refusal(planned);
        term = next.term;
        const bool has_cost = planned.election.may_lose_writes;
        if (has_cost && recorded != what_would_be_lost(planned)) {
          const auto is_recorded = record_cost(open, planned, term);
          if (!is_recorded) return is_recorded.error();
          recorded = what_would_be_lost(planned);
        }
        next.election = planned.election;
        next.changes = now.next_change();
        return true;
      }));
  if (!planned.election.may_lose_writes) {
    open.note("failover", planned.election.reason, term);
  }
  return planned;
}

// Nodes are believed to be there until their last states expire, so what could come to an end when
// it began may have lost since then whom it needs.
bool is_stuck(const cluster::Topology& now, const ManualFailover& begun) {
  const cluster::Election& election = begun.election;
  if (election.may_lose_writes || now.leadership.term >= election.term) return false;
  if (io::wall_ms() - election.begun_ms <= cluster::kStateExpires_ms) return false;
  return !failover::obstacle_to(now, *election.candidate).empty();
}

// Begins once more, or refuses, when the first attempt is stuck.
Result<cluster::Leadership> wait(OpenCluster& open,
                                 const FailoverOptions& options,
                                 ManualFailover& begun) {
  const Deadline give_up = open.loop().after(kPatience);
  while (!give_up.has_passed(open.loop().now()) && !Interrupt::has_come()) {
    DORSAL_TRY(const coord::Snapshot now, open.look());
    const auto& leadership = now.topology.leadership;
    const cluster::Node* primary = now.topology.primary();
    const bool is_over = leadership.term >= begun.election.term && primary != nullptr &&
                         primary->state.role == cluster::Role::Primary;
    if (is_over) return leadership;
    if (is_stuck(now.topology, begun)) {
      DORSAL_TRY(begun, begin(open, options));
      continue;
    }
    open.wait_for_change(now.newest, kLookEvery);
  }
  return timeout(
      "the fail-over has begun and is not over yet; it goes on, and 'dorsal status' shows how far "
      "it has come");
}

void print(const ManualFailover& begun, const cluster::Leadership& after, bool as_json) {
  if (as_json) {
    nlohmann::ordered_json json{{"primary", after.primary.value()},
                                {"term", after.term.value()},
                                {"may_have_lost_writes", begun.election.may_lose_writes},
                                {"lost", begun.lost.to_string()},
                                {"unknown", begun.unknown}};
    fmt::print("{}\n", json.dump(2));
    return;
  }
  fmt::print("{} is the primary of term {}\n", after.primary.value(), after.term.value());
}

}  // namespace

Result<void> failover(const FailoverOptions& options) {
  const Interrupt interrupt;
  DORSAL_TRY(auto open, OpenCluster::open(options.config, options.dir, kStoreLimit));
  DORSAL_TRY(ManualFailover begun, begin(*open, options));
  DORSAL_TRY(const cluster::Leadership after, wait(*open, options, begun));
  print(begun, after, options.json);
  return {};
}

}  // namespace dorsal::app
