#include <fmt/core.h>

#include "core/failover/election.h"
#include "core/failover/questions.h"
#include "core/failover/rules.h"
#include "core/failover/switchover.h"

namespace dorsal::failover::rules {

using cluster::Receiver;
using cluster::Switchover;

namespace {

// Null unless this node is the primary that has one to carry out.
const Switchover* to_carry_out(const View& view) {
  const auto& switchover = view.topology.leadership.switchover;
  if (!is_recorded_primary(view) || election_is_pending(view)) return nullptr;
  return switchover && switchover->is_under_way() ? &*switchover : nullptr;
}

// Empty when statements may be held back for it. That its agent is there cannot be told from what
// it said before: it may have been frozen since.
std::string why_not_yet(const View& view, const Switchover& switchover, const Policy& policy) {
  const cluster::Node* candidate = view.topology.find(switchover.to);
  if (candidate == nullptr || candidate->state.ready_for_ms != switchover.begun_ms) {
    return "did not say in time that it is ready";
  }
  const auto& lag_ms = candidate->state.lag_ms;
  if (!lag_ms || *lag_ms > policy.switchover_lag_ms) {
    return "did not come close to the primary in time";
  }
  return {};
}

std::string reason_to_give_up(const View& view,
                              const Switchover& switchover,
                              const Policy& policy) {
  if (is_resting(view, Action::CloseForWrites)) {
    return "what was being written did not end in time";
  }
  const std::string unfit = why_unfit(view.topology, switchover.to);
  if (!unfit.empty()) return unfit;
  if (lacks_replicas_for_acks(view)) return "too few replicas are left to acknowledge writes";
  const bool is_late = view.now - view.phase_seen >= policy.switchover_patience;
  if (switchover.holding || !is_late) return {};
  const std::string why = why_not_yet(view, switchover, policy);
  return why.empty() ? why : fmt::format("{} {}", switchover.to.value(), why);
}

Match change(const View& view, const Switchover& switchover, std::string activity) {
  if (!view.store_answers || is_resting(view, Action::ChangeSwitchover)) {
    return keep("waiting for the store, for a switchover");
  }
  Step step = act(Action::ChangeSwitchover, std::move(activity));
  step.switchover = switchover;
  return step;
}

// The candidate of an election that is under way, if it is to be waited for.
const cluster::Node* awaited_candidate(const View& view, const Policy& policy) {
  if (!election_is_pending(view)) return nullptr;
  const auto& election = *view.topology.leadership.election;
  if (!election.candidate || view.now - view.phase_seen >= policy.candidate_patience) {
    return nullptr;
  }
  return view.topology.find(*election.candidate);
}

}  // namespace

Match give_up_switchover(const View& view, const Policy& policy) {
  const Switchover* switchover = to_carry_out(view);
  if (switchover == nullptr) return std::nullopt;
  Switchover ended = *switchover;
  ended.given_up = reason_to_give_up(view, *switchover, policy);
  if (ended.given_up.empty()) return std::nullopt;
  return change(view, ended, "giving up a switchover: " + ended.given_up);
}

Match elect_for_switchover(const View& view, const Policy&) {
  const Switchover* switchover = to_carry_out(view);
  if (switchover == nullptr || !switchover->holding || view.server.may_be_writable) {
    return std::nullopt;
  }
  if (!view.store_answers || is_resting(view, Action::Elect)) {
    return keep("waiting for the store, for a switchover");
  }
  Step step = act(Action::Elect, "handing over to " + switchover->to.value());
  step.reason = switchover->reason.empty() ? "switchover" : "switchover: " + switchover->reason;
  step.candidate = switchover->to;
  step.barrier = view.server.facts->executed.to_string();
  return step;
}

Match close_for_switchover(const View& view, const Policy&) {
  const Switchover* switchover = to_carry_out(view);
  if (switchover == nullptr || !switchover->holding) return std::nullopt;
  Step step = act(Action::CloseForWrites, "taking no more writes, for a switchover");
  step.drain = std::chrono::milliseconds(switchover->drain_ms);
  return step;
}

Match hold_for_switchover(const View& view, const Policy& policy) {
  const Switchover* switchover = to_carry_out(view);
  if (switchover == nullptr || !view.server.may_be_writable) return std::nullopt;
  if (!why_not_yet(view, *switchover, policy).empty()) return std::nullopt;
  Switchover held = *switchover;
  held.holding = true;
  return change(view, held, "holding back statements, for a switchover");
}

Match receive_up_to_barrier(const View& view, const Policy& policy) {
  const cluster::Node* candidate = awaited_candidate(view, policy);
  if (candidate == nullptr || candidate->member.name != view.self || has_promised(view)) {
    return std::nullopt;
  }
  const auto& barrier = view.topology.leadership.election->barrier;
  const auto& following = view.server.facts->following;
  if (!barrier || !following || following->receiver != Receiver::On) return std::nullopt;
  auto wanted = mysql::parse_gtid_set(*barrier);
  if (!wanted || view.server.facts->executed.contains(*wanted)) return std::nullopt;
  return await(*std::move(wanted), view, "receiving what the old primary wrote last");
}

Match wait_for_candidate(const View& view, const Policy& policy) {
  const cluster::Node* candidate = awaited_candidate(view, policy);
  if (candidate == nullptr || candidate->member.name == view.self) return std::nullopt;
  if (!has_promised(view) || elected(view) != view.self) return std::nullopt;
  if (candidate->state.role == cluster::Role::Down) return std::nullopt;
  return keep(fmt::format("leaving the lead to {}", candidate->member.name.value()));
}

}  // namespace dorsal::failover::rules
