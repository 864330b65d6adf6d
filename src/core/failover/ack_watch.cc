#include "core/failover/ack_watch.h"

#include <utility>

#include "core/failover/questions.h"

namespace dorsal::failover {

void AckWatch::note(View& view) {
  const auto& facts = view.server.facts;
  const bool is_required = facts && facts->source_semi_sync && is_recorded_primary(view);
  const bool is_stuck =
      is_required && facts->waiting_for_acks > 0 && facts->acknowledged == acknowledged_;
  acknowledged_ = facts ? facts->acknowledged : 0;
  if (!is_stuck) stuck_since_.reset();
  if (is_stuck && !stuck_since_) stuck_since_ = view.now;
  if (!is_required) before_.reset();
  if (is_required) {
    const auto& leadership = view.topology.leadership;
    Terms now{leadership.term, facts->required_acks, leadership.votes};
    if (!before_ || now != terms_) {
      before_ = facts->executed;
      before_->unite(facts->in_flight);
    }
    terms_ = std::move(now);
  }
  view.unacknowledged_since = stuck_since_;
  view.before_acks = before_;
}

}  // namespace dorsal::failover
