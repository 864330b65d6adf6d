#include "core/failover/settled.h"

#include "core/failover/election.h"
#include "core/failover/questions.h"

namespace dorsal::failover {

void Settled::note(const View& view) {
  const cluster::Node* primary = view.topology.primary();
  if (primary == nullptr || !view.server.facts) return;
  const mysql::GtidSet has = received(view);
  const bool is_new = view.topology.leadership.term != term_;
  if (is_new) {
    term_ = view.topology.leadership.term;
    all_ = {};
    waiting_ = has;
    newer_states_ = 0;
    published_ms_ = primary->state.published_ms;
  }
  // What it has cannot be from there, so it is from before.
  if (!follows_primary(view)) {
    all_.unite(has);
    return;
  }
  // While its server does not answer, its agent goes on to say where it was last.
  if (!primary->state.healthy || primary->state.published_ms == published_ms_) return;
  published_ms_ = primary->state.published_ms;
  if (++newer_states_ < 2) return;
  all_.unite(waiting_);
  waiting_ = has;
  newer_states_ = 0;
}

}  // namespace dorsal::failover
