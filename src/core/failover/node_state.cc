#include "core/failover/node_state.h"

#include <tuple>
#include <utility>

#include "core/failover/questions.h"

namespace dorsal::failover {
namespace {

// Whether what is known of a server that does not answer, its UUID and position, still says
// something: not once a replica's data is gone. A primary's tells what a fail-over would lose.
bool keeps_last_position(const View& view) {
  return view.server.stage == cluster::DataStage::Member || is_recorded_primary(view);
}

bool is_useless(const View& view, const Policy& policy) {
  const cluster::Member* own = own_member(view);
  return own != nullptr && own->joined && view.server.stage == cluster::DataStage::Member &&
         !is_recorded_primary(view) && !reason_to_rebuild(view, policy).empty();
}

}  // namespace

cluster::NodeState make_state(const View& view,
                              const Policy& policy,
                              std::string activity,
                              const cluster::NodeState& last) {
  cluster::NodeState state;
  state.server_version = last.server_version;
  state.role = role_of(view, policy);
  state.healthy = is_healthy(view, policy);
  state.pid = view.server.pid;
  state.lag_ms = view.lag_ms;
  state.activity = std::move(activity);
  state.restarted_ms = view.restarted_ms;
  state.rebuilt_ms = view.rebuilt_ms;
  state.ready_for_ms = ready_for_ms(view);
  state.remembered = view.server.remembered;
  state.remembered.members.clear();
  if (const auto& facts = view.server.facts) {
    state.server_uuid = facts->uuid;
    state.server_version = facts->version;
    state.gtid_executed = facts->executed.to_string();
    state.gtid_purged = facts->purged.to_string();
    state.useless = is_useless(view, policy);
    state.semi_sync = state.role == cluster::Role::Primary
                          ? facts->source_semi_sync && facts->source_semi_sync_active
                          : facts->replica_semi_sync && facts->replica_semi_sync_active;
  } else if (keeps_last_position(view)) {
    state.server_uuid = last.server_uuid;
    state.gtid_executed = last.gtid_executed;
    state.gtid_purged = last.gtid_purged;
    state.useless = last.useless;
  }
  return state;
}

bool differs_in_kind(const cluster::NodeState& left, const cluster::NodeState& right) {
  const auto kind = [](const cluster::NodeState& state) {
    return std::tie(state.role,
                    state.healthy,
                    state.useless,
                    state.pid,
                    state.semi_sync,
                    state.activity,
                    state.restarted_ms,
                    state.rebuilt_ms,
                    state.ready_for_ms,
                    state.server_uuid);
  };
  return kind(left) != kind(right);
}

}  // namespace dorsal::failover
