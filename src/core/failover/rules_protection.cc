// What a primary does whose commits wait for acknowledgements that nobody gives.
//
// Mode Available: a primary whose replicas are gone goes on without them. The store knows it before
// the first such write, so that nobody takes over who may lack some; and it is taken back only when
// enough voters have everything.
#include "core/failover/election.h"
#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::failover::rules {

using cluster::Mode;

namespace {

bool is_unprotected_primary(const View& view) {
  return is_recorded_primary(view) && view.topology.leadership.unprotected;
}

bool has_listeners(const View& view) {
  return view.server.facts->acknowledging >= static_cast<std::int64_t>(view.topology.charter.acks);
}

// Replicas that hang stay connected, so it is the commits that tell.
bool has_waited(const View& view, Duration patience) {
  return view.unacknowledged_since && view.now - *view.unacknowledged_since >= patience;
}

Match change(const View& view, bool unprotected, std::string activity) {
  if (!view.store_answers || is_resting(view, Action::ChangeProtection)) return std::nullopt;
  Step step = act(Action::ChangeProtection, std::move(activity));
  step.unprotected = unprotected;
  return step;
}

}  // namespace

// It comes back without the lock and with the change, or another node takes over.
Match kill_with_locked_accounts(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || view.topology.pause || election_is_pending(view)) {
    return std::nullopt;
  }
  if (!view.server.facts || !view.server.facts->locks_accounts) return std::nullopt;
  if (!has_waited(view, policy.hung_after)) return std::nullopt;
  const bool are_there = enough_voters(view, view.self, [](const cluster::Node& node) {
    return node.state.role == cluster::Role::Replica;
  });
  if (!are_there) return std::nullopt;
  return act(Action::Kill,
             "nobody can log in while a change of accounts waits for acknowledgements; killing it");
}

Match go_unprotected(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || view.topology.charter.mode != Mode::Available) {
    return std::nullopt;
  }
  if (!acks_are_required(view) || view.topology.leadership.unprotected) return std::nullopt;
  // Where there is nobody to wait for, the primary takes no writes that could.
  const bool is_due = lacks_replicas_for_acks(view) || has_waited(view, policy.available_patience);
  if (!holds_lease(view, policy) || !is_due) return std::nullopt;
  return change(view, true, "too few replicas acknowledge; going on without them");
}

Match stop_acks_unprotected(const View& view, const Policy& policy) {
  if (!is_unprotected_primary(view) || !view.server.facts->source_semi_sync) return std::nullopt;
  if (!has_waited(view, policy.unprotected_patience)) return std::nullopt;
  if (is_resting(view, Action::StopRequiringAcks)) return std::nullopt;
  return act(Action::StopRequiringAcks, "requiring no acknowledgements for now");
}

Match require_acks_again(const View& view, const Policy&) {
  if (!is_unprotected_primary(view) || view.server.facts->source_semi_sync) return std::nullopt;
  if (is_resting(view, Action::RequireAcks) || !has_listeners(view)) return std::nullopt;
  const bool are_well =
      enough_voters(view, view.self, [](const cluster::Node& node) { return node.state.healthy; });
  if (!are_well) return std::nullopt;
  return act(Action::RequireAcks, "requiring acknowledgements again");
}

Match end_unprotected(const View& view, const Policy&) {
  if (!is_unprotected_primary(view) || !view.server.facts->source_semi_sync) return std::nullopt;
  if (!view.unprotected_writes) return std::nullopt;
  const bool have_all = enough_voters(view, view.self, [&](const cluster::Node& node) {
    return has_executed(node, *view.unprotected_writes);
  });
  if (!have_all) return std::nullopt;
  return change(view, false, "enough replicas have everything; writes are protected again");
}

Match alarm_unprotected(const View& view, const Policy&) {
  if (!is_unprotected_primary(view)) return std::nullopt;
  return keep(
      "too few replicas acknowledge writes, so they are NOT protected: losing this server would "
      "lose them");
}

}  // namespace dorsal::failover::rules
