#include "service/agent/node_state.h"

#include <tuple>
#include <utility>

namespace dorsal::agent {

cluster::NodeState make_state(const failover::View& view,
                              const failover::Policy& policy,
                              std::string activity,
                              const cluster::NodeState& last) {
  cluster::NodeState state;
  state.server_version = last.server_version;
  state.role = failover::role_of(view, policy);
  state.healthy = failover::is_healthy(view, policy);
  state.pid = view.server.pid;
  state.lag_ms = view.lag_ms;
  state.activity = std::move(activity);
  state.restarted_ms = view.restarted_ms;
  state.rebuilt_ms = view.rebuilt_ms;
  state.ready_for_ms = failover::ready_for_ms(view);
  if (const auto& facts = view.server.facts) {
    state.server_uuid = facts->uuid;
    state.server_version = facts->version;
    state.gtid_executed = facts->executed.to_string();
    state.semi_sync = state.role == cluster::Role::Primary
                          ? facts->source_semi_sync && facts->source_semi_sync_active
                          : facts->replica_semi_sync && facts->replica_semi_sync_active;
  } else if (failover::keeps_last_position(view)) {
    state.server_uuid = last.server_uuid;
    state.gtid_executed = last.gtid_executed;
  }
  return state;
}

bool differs_in_kind(const cluster::NodeState& left, const cluster::NodeState& right) {
  const auto kind = [](const cluster::NodeState& state) {
    return std::tie(state.role,
                    state.healthy,
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

}  // namespace dorsal::agent
