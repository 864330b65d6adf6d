#include <fmt/core.h>

#include "core/failover/old_store.h"
#include "core/failover/questions.h"
#include "core/failover/rules.h"

namespace dorsal::failover::rules {

using cluster::CloneState;
using cluster::DataStage;
using cluster::Process;

Match wait_for_job(const View& view, const Policy&) {
  switch (view.job) {
    case Job::None:
      return std::nullopt;
    case Job::Initialise:
      return keep("initialising a data folder");
    case Job::StartOver:
      return keep("removing an unfinished data folder");
    case Job::SaveStrays:
      return keep("putting its stray transactions aside");
    case Job::SetDataAside:
      return keep("setting its damaged data aside");
    case Job::DropData:
      return keep("dropping its data to be cloned anew");
    case Job::CloseForWrites:
      return keep("taking no more writes, for a switchover");
    case Job::Clone:
      break;
  }
  const auto& facts = view.server.facts;
  if (!facts || facts->clone.state != CloneState::Running) return keep("cloning");
  return keep(fmt::format("cloning, {} %", facts->clone.percent));
}

Match refuse_primary_without_data(const View& view, const Policy&) {
  if (!is_recorded_primary(view) || view.server.stage == DataStage::Member) return std::nullopt;
  if (!anyone_has_joined(view) || is_after_restore(view)) return std::nullopt;
  return keep("it is the recorded primary, but its data folder is gone; put it back, or fail over");
}

Match forget_member_without_data(const View& view, const Policy&) {
  const cluster::Member& member = *own_member(view);
  if (view.server.stage == DataStage::Member || !member.joined) return std::nullopt;
  if (is_after_restore(view)) return std::nullopt;
  if (!view.store_answers || is_resting(view, Action::UpdateMember)) {
    return keep("its data folder is gone; waiting for the store to record that");
  }
  cluster::Member without = member;
  without.joined = false;
  return update_member(without, "its data folder is gone; it will be cloned anew");
}

Match initialise_empty_folder(const View& view, const Policy&) {
  if (view.server.stage != DataStage::Empty) return std::nullopt;
  if (is_resting(view, Action::Initialise)) return keep("its data folder could not be initialised");
  return act(Action::Initialise, "initialising a data folder");
}

Match start_over_half_made_folder(const View& view, const Policy&) {
  if (view.server.stage != DataStage::HalfMade) return std::nullopt;
  if (is_resting(view, Action::Initialise)) return keep("its data folder could not be initialised");
  return act(Action::Initialise,
             "initialising its data folder again, as the first attempt did not end");
}

Match rest_before_next_start(const View& view, const Policy&) {
  if (view.server.process != Process::Stopped || !is_resting(view, Action::Start)) {
    return std::nullopt;
  }
  return keep(view.server.last_words.empty() ? "mysqld could not be started"
                                             : view.server.last_words);
}

Match stay_away(const View& view, const Policy&) {
  if (view.server.process != Process::Stopped || !has_left_for_good(view)) return std::nullopt;
  return keep("it has left the cluster; stop its agent");
}

Match start_server(const View& view, const Policy&) {
  if (view.server.process != Process::Stopped) return std::nullopt;
  return act(Action::Start, "starting mysqld");
}

Match wait_for_server(const View& view, const Policy&) {
  if (view.server.facts) return std::nullopt;
  return keep(view.server.process == Process::Silent ? "mysqld does not answer"
                                                     : "mysqld is starting");
}

Match accept_completed_clone(const View& view, const Policy&) {
  if (view.server.stage != DataStage::Cloning) return std::nullopt;
  if (view.server.facts->clone.state != CloneState::Completed) return std::nullopt;
  if (is_resting(view, Action::AcceptData)) return keep("the clone could not be taken over");
  return act(Action::AcceptData, "taking over the clone");
}

Match start_over_broken_clone(const View& view, const Policy&) {
  if (view.server.stage != DataStage::Cloning) return std::nullopt;
  if (is_resting(view, Action::StartOver)) return keep("the unfinished clone could not be removed");
  return act(Action::StartOver, "the clone did not end; starting over");
}

}  // namespace dorsal::failover::rules
