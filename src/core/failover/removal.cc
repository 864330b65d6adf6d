#include "core/failover/removal.h"

#include <fmt/format.h>

namespace dorsal::failover {

using cluster::Vote;

Result<void> check_removal(const cluster::Topology& topology,
                           const cluster::NodeName& name,
                           bool is_gone) {
  const cluster::Node* node = topology.find(name);
  if (node == nullptr) return not_found(fmt::format("there is no node {}", name.value()));
  if (topology.leadership.primary == name) {
    return conflict(
        fmt::format("{} is the primary; make another one that first, with 'dorsal switchover', and "
                    "remove it then",
                    name.value()));
  }
  const bool is_down = node->state.role == cluster::Role::Down;
  if (is_gone && !is_down) {
    return conflict(fmt::format("{0} is up, so it is not gone; without --gone it leaves in order",
                                name.value()));
  }
  const cluster::Node* primary = topology.primary();
  const bool has_primary = primary != nullptr && primary->state.role == cluster::Role::Primary;
  if (is_gone && !has_primary) {
    return conflict(
        fmt::format("no node leads at the moment, and what {0} acknowledged may be needed to elect "
                    "one; remove it when there is a primary again. If there will be none without "
                    "it: dorsal failover --allow-data-loss",
                    name.value()));
  }
  if (is_down && !is_gone) {
    return conflict(
        fmt::format("{0} is down, so it cannot say that it acknowledges no more writes. If only "
                    "its agent is silent, and its mysqld runs, writes could be lost. If it is gone "
                    "for good, or switched off until its folder has been emptied: dorsal remove "
                    "{0} --gone",
                    name.value()));
  }
  return {};
}

bool write_off_vote(cluster::Leadership& leadership, const cluster::NodeName& name) {
  const auto vote = leadership.votes.find(name);
  if (vote == leadership.votes.end() || vote->second.state == Vote::State::Lost) return false;
  vote->second.state = Vote::State::Lost;
  if (leadership.changes > 0) ++leadership.changes;  // else it is not known how many there were
  return true;
}

}  // namespace dorsal::failover
