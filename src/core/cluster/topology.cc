#include "core/cluster/topology.h"

#include <fmt/format.h>

#include <algorithm>

namespace dorsal::cluster {

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::SemiSync:
      return "semi-sync";
    case Mode::Async:
      return "async";
  }
  return "unknown";
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::Primary:
      return "primary";
    case Role::Replica:
      return "replica";
    case Role::Joining:
      return "joining";
    case Role::Down:
      return "down";
  }
  return "unknown";
}

Result<Mode> parse_mode(std::string_view text) {
  for (Mode mode : {Mode::SemiSync, Mode::Async}) {
    if (text == to_string(mode)) return mode;
  }
  return invalid(fmt::format("mode '{}' is not one of semi-sync, async", text));
}

Result<Role> parse_role(std::string_view text) {
  for (Role role : {Role::Primary, Role::Replica, Role::Joining, Role::Down}) {
    if (text == to_string(role)) return role;
  }
  return invalid(fmt::format("role '{}' is not one of primary, replica, joining, down", text));
}

const Node* Topology::find(const NodeName& name) const {
  auto found = std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) {
    return node.member.name == name;
  });
  return found == nodes.end() ? nullptr : &*found;
}

const Node* Topology::primary() const {
  return leadership.term == Term() ? nullptr : find(leadership.primary);
}

Topology without_expired(Topology topology, std::int64_t now_ms) {
  for (Node& node : topology.nodes) {
    if (now_ms - node.state.published_ms <= kStateExpires_ms) continue;
    node.state.role = Role::Down;
    node.state.healthy = false;
    node.state.pid.reset();
    node.state.lag_ms.reset();
    node.state.semi_sync = false;
    node.state.activity = "its agent is silent";
  }
  return topology;
}

}  // namespace dorsal::cluster
