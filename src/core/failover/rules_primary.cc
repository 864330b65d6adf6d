#include <fmt/core.h>

#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::failover::rules {

using cluster::DataStage;

namespace {

// What there is to say of a primary that has to wait for the store before it can go on.
Match unless_store_rests(const View& view, Step step) {
  if (view.store_answers && !is_resting(view, step.action)) return step;
  return keep("waiting for the store");
}

}  // namespace

Match accept_own_data(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || view.server.stage != DataStage::Fresh) return std::nullopt;
  if (is_resting(view, Action::AcceptData)) return keep("its data folder could not be marked");
  return act(Action::AcceptData, "its data becomes the cluster's");
}

Match record_primary_as_joined(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || own_member(view)->joined) return std::nullopt;
  cluster::Member member = *own_member(view);
  member.joined = true;
  return unless_store_rests(view, update_member(member, "joining as the first node"));
}

Match refuse_lost_transactions(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || view.server.facts->writable) return std::nullopt;
  const auto missing = missing_here(view);
  if (!missing) return std::nullopt;
  return keep(
      fmt::format("it lacks transactions that {} has ({}), so it takes no writes; "
                  "restore its data, or fail over",
                  missing->holder.value(),
                  shorten(missing->transactions)));
}

Match require_acks_before_writes(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || !writes_wait_for_acks(view)) return std::nullopt;
  if (requires_acks(view)) return std::nullopt;
  if (is_resting(view, Action::RequireAcks)) return keep("acknowledgements could not be required");
  return require_acks(view, "requiring acknowledgements");
}

Match fence_without_replicas(const View& view, const Policy&) {
  if (!lacks_replicas_for_acks(view) || !view.server.may_be_writable) return std::nullopt;
  return act(Action::Fence, "too few replicas are left to acknowledge writes; taking no more");
}

Match wait_for_replicas(const View& view, const Policy&) {
  if (!lacks_replicas_for_acks(view)) return std::nullopt;
  return keep(
      fmt::format("too few replicas are left to acknowledge writes, {} of {}; taking none until "
                  "one has joined",
                  replicas_that_could_acknowledge(view),
                  view.topology.acks_to_require()));
}

Match alarm_on_fall_back(const View& view, const Policy&) {
  const auto& facts = *view.server.facts;
  if (!is_recorded_primary(view) || !facts.source_semi_sync || facts.source_semi_sync_active) {
    return std::nullopt;
  }
  return keep(
      "semi-synchronous replication has fallen back to asynchronous; writes are not protected");
}

Match wait_for_lease(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || holds_lease(view, policy)) return std::nullopt;
  return keep("waiting for its lease");
}

Match open_for_writes(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || view.server.facts->writable) return std::nullopt;
  if (is_resting(view, Action::OpenForWrites)) return keep("writes could not be allowed");
  return act(Action::OpenForWrites, "allowing writes");
}

Match require_first_acks(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || !acks_are_possible(view)) return std::nullopt;
  if (requires_acks(view) || acks_are_required(view)) return std::nullopt;
  if (is_resting(view, Action::RequireAcks)) return keep("acknowledgements could not be required");
  return require_acks(view, "requiring acknowledgements");
}

Match record_required_acks(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || !acks_are_possible(view) || is_voter(view)) {
    return std::nullopt;
  }
  Step step = change_own_vote(view,
                              cluster::Vote::State::Counts,
                              "recording that acknowledgements are required");
  step.unprotected = true;  // what was written until now is
  return unless_store_rests(view, std::move(step));
}

Match alarm_on_primary_storage(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || !storage_is_broken(view, policy)) return std::nullopt;
  return keep(view.server.storage_trouble + "; no other node can take over");
}

Match alarm_on_closed_primary(const View& view, const Policy& policy) {
  if (!is_recorded_primary(view) || !door_is_closed(view, policy)) return std::nullopt;
  return keep(view.server.door_trouble + "; no other node can take over");
}

Match lead(const View& view, const Policy&) {
  if (!is_recorded_primary(view)) return std::nullopt;
  const auto& facts = *view.server.facts;
  const cluster::Charter& charter = view.topology.charter;
  if (charter.wants_acks() && !facts.source_semi_sync) {
    return keep(fmt::format("writes are not acknowledged by replicas yet: {} of {} have joined",
                            joined_replicas(view),
                            view.topology.acks_to_require()));
  }
  return keep();
}

}  // namespace dorsal::failover::rules
