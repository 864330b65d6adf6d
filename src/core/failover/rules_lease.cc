#include "core/failover/election.h"
#include "core/failover/old_store.h"
#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::failover::rules {

using cluster::DataStage;

Match fence_without_lease(const View& view, const Policy& policy) {
  if (!view.server.may_be_writable || holds_lease(view, policy)) return std::nullopt;
  return act(Action::Fence,
             is_recorded_primary(view) ? "its lease ran out; taking no more writes"
                                       : "it is not the primary; taking no writes");
}

Match renew_lease(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || !view.store_answers) return std::nullopt;
  if (election_is_pending(view) || is_resting(view, Action::Renew)) return std::nullopt;
  // Nobody came to take over: it goes on as soon as its server is back.
  if (view.topology.leadership.handed_over && !view.server.facts) return std::nullopt;
  if (view.renewal_tried && view.now - *view.renewal_tried < policy.renew_every()) {
    return std::nullopt;
  }
  return act(Action::Renew, {});
}

Match ask_members(const View& view, const Policy& policy) {
  // A store may be read and still take no writes.
  const bool is_renewed = view.store_answers && !view.renewal_failed;
  if (!is_recorded_primary(view) || is_renewed || !view.can_ask_members) return std::nullopt;
  if (election_is_pending(view) || view.topology.leadership.handed_over) return std::nullopt;
  if (view.renewal_tried && view.now - *view.renewal_tried < policy.renew_every()) {
    return std::nullopt;
  }
  return act(Action::AskMembers, {});
}

Match remember(const View& view, const Policy&) {
  if (!view.store_answers || own_member(view) == nullptr) return std::nullopt;
  // Who led last is not known to an old store, so the memory is kept until there is a new term.
  if (is_after_restore(view) || is_resting(view, Action::Remember)) return std::nullopt;
  cluster::Remembered next = to_remember(view.topology);
  if (next.changes == 0 || next == view.server.remembered) return std::nullopt;
  Step step = act(Action::Remember, {});
  step.remembered = std::move(next);
  return step;
}

Match leave_unknown_server(const View& view, const Policy&) {
  if (own_member(view) != nullptr || !view.store_answers) return std::nullopt;
  if (view.server.process == cluster::Process::Stopped || is_resting(view, Action::Kill)) {
    return std::nullopt;
  }
  return act(Action::Kill, "the store does not know this node; ending its server");
}

Match wait_for_admission(const View& view, const Policy&) {
  if (own_member(view) != nullptr) return std::nullopt;
  return keep("the store does not know this node");
}

Match lead_empty_cluster(const View& view, const Policy&) {
  if (!view.store_answers || view.topology.leadership.term.value() > 0) return std::nullopt;
  if (anyone_remembers(view)) return std::nullopt;
  if (view.server.stage == DataStage::Member || view.server.stage == DataStage::Cloning) {
    return std::nullopt;
  }
  if (is_resting(view, Action::Lead)) return std::nullopt;
  return act(Action::Lead, "founding the cluster");
}

Match refuse_old_data_in_empty_cluster(const View& view, const Policy&) {
  if (!view.store_answers || view.topology.leadership.term.value() > 0) return std::nullopt;
  if (view.server.stage != DataStage::Member) return std::nullopt;
  return keep(
      "the folder holds the cluster's data, but the store knows no primary; restore the store");
}

}  // namespace dorsal::failover::rules
