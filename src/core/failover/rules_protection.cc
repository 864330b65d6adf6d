// What keeps writes safe at a primary: how many acknowledge them, and whether any do.
//
// In mode Available a primary whose replicas are gone goes on without them, in mode Async it always
// does. The store knows it before the first such write, so that nobody takes over who may lack
// some; and it is taken back only when enough voters have everything. So it is with their number:
// fewer are recorded before fewer are required, more once as many voters have everything.
#include <fmt/core.h>

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
  return view.server.facts->acknowledging >=
         static_cast<std::int64_t>(view.topology.acks_to_require());
}

// Replicas that hang stay connected, so it is the commits that tell.
bool has_waited(const View& view, Duration patience) {
  return view.unacknowledged_since && view.now - *view.unacknowledged_since >= patience;
}

// So many voters have all that was written before as many acknowledgements as now were required.
bool have_all_from_before(const View& view, std::size_t voters) {
  if (!requires_acks(view) || !view.before_acks) return false;
  return voters <= count_voters(view, view.self, [&](const cluster::Node& node) {
           return has_executed(node, *view.before_acks);
         });
}

Match change(const View& view, bool unprotected, std::uint32_t acks, std::string activity) {
  if (!view.store_answers || is_resting(view, Action::ChangeProtection)) return std::nullopt;
  Step step = act(Action::ChangeProtection, std::move(activity));
  step.unprotected = unprotected;
  step.acks = acks;
  return step;
}

Match change(const View& view, bool unprotected, std::string activity) {
  return change(view, unprotected, view.topology.acks_in_force(), std::move(activity));
}

Match change(const View& view, std::uint32_t acks) {
  return change(view,
                view.topology.leadership.unprotected,
                acks,
                fmt::format("elections count on {} acknowledgements of each write", acks));
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

Match record_fewer_acks(const View& view, const Policy&) {
  const std::uint32_t wanted = view.topology.charter.acks;
  if (!is_recorded_primary(view) || wanted >= view.topology.acks_in_force()) return std::nullopt;
  return change(view, wanted);
}

Match record_more_acks(const View& view, const Policy&) {
  const std::uint32_t wanted = view.topology.charter.acks;
  if (!is_recorded_primary(view) || wanted <= view.topology.acks_in_force()) return std::nullopt;
  const bool count_now = writes_are_protected(view);
  if (count_now && !have_all_from_before(view, wanted)) return std::nullopt;
  return change(view, wanted);
}

Match go_unprotected(const View& view, const Policy& policy) {
  const Mode mode = view.topology.charter.mode;
  if (!is_recorded_primary(view) || mode == Mode::SemiSync) return std::nullopt;
  if (!writes_are_protected(view) || !holds_lease(view, policy)) return std::nullopt;
  if (mode == Mode::Async) return change(view, true, "no acknowledgements are wanted any more");
  // Where there is nobody to wait for, the primary takes no writes that could.
  if (!lacks_replicas_for_acks(view) && !has_waited(view, policy.available_patience)) {
    return std::nullopt;
  }
  return change(view, true, "too few replicas acknowledge; going on without them");
}

Match stop_acks_unprotected(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || !view.server.facts->source_semi_sync) return std::nullopt;
  const bool are_wanted = view.topology.charter.wants_acks();
  const bool goes_on = are_wanted
                           ? view.topology.leadership.unprotected && !writes_wait_for_acks(view)
                           : !acks_are_required(view);
  if (!goes_on) return std::nullopt;
  if (are_wanted && !has_waited(view, policy.unprotected_patience)) return std::nullopt;
  if (is_resting(view, Action::StopRequiringAcks)) return std::nullopt;
  return act(Action::StopRequiringAcks, "requiring no acknowledgements for now");
}

Match require_acks_again(const View& view, const Policy&) {
  if (!is_unprotected_primary(view) || !acks_are_required(view)) return std::nullopt;
  if (requires_acks(view) || !has_listeners(view)) return std::nullopt;
  if (is_resting(view, Action::RequireAcks)) return std::nullopt;
  const bool are_well =
      enough_voters(view, view.self, [](const cluster::Node& node) { return node.state.healthy; });
  if (!are_well) return std::nullopt;
  return require_acks(view, "requiring acknowledgements again");
}

Match end_unprotected(const View& view, const Policy&) {
  if (!is_unprotected_primary(view) || !acks_are_required(view)) return std::nullopt;
  if (!have_all_from_before(view, view.topology.acks_in_force())) return std::nullopt;
  return change(view, false, "enough replicas have everything; writes are protected");
}

Match alarm_unprotected(const View& view, const Policy&) {
  if (!is_unprotected_primary(view) || !acks_are_required(view)) return std::nullopt;
  if (writes_wait_for_acks(view)) return std::nullopt;
  return keep(
      "too few replicas acknowledge writes, so they are NOT protected: losing this server would "
      "lose them");
}

Match wait_for_protection(const View& view, const Policy&) {
  if (!is_unprotected_primary(view) || !writes_wait_for_acks(view)) return std::nullopt;
  return keep("waiting for replicas to have what was written before they acknowledged writes");
}

}  // namespace dorsal::failover::rules
