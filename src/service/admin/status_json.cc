#include "service/admin/status_json.h"

#include <nlohmann/json.hpp>

namespace dorsal::admin {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json endpoints_json(const Endpoints& endpoints) {
  return Json{{"split", endpoints.split},
              {"primary", endpoints.primary},
              {"replicas", endpoints.replicas},
              {"admin", endpoints.admin},
              {"http", endpoints.http}};
}

Json node_json(const cluster::Node& node) {
  const auto& [member, state] = node;
  return Json{{"name", member.name.value()},
              {"address", member.address},
              {"role", cluster::to_string(state.role)},
              {"pid", value_or_null(state.pid)},
              {"gtid_executed", state.gtid_executed},
              {"lag_ms", value_or_null(state.lag_ms)},
              {"zone", text_or_null(state.zone)},
              {"read_weight", state.read_weight},
              {"semi_sync", state.semi_sync},
              {"healthy", state.healthy},
              {"voter", member.voter},
              {"joined", member.joined},
              {"server_id", member.server_id.value()},
              {"server_uuid", text_or_null(state.server_uuid)},
              {"server_version", text_or_null(state.server_version)},
              {"activity", text_or_null(state.activity)}};
}

}  // namespace

std::string status_json(const Status& status) {
  const auto& topology = status.topology;
  bool has_primary = topology.leadership.term != cluster::Term();
  Json nodes = Json::array();
  for (const auto& node : topology.nodes) nodes.push_back(node_json(node));
  Json json{{"cluster", topology.charter.name},
            {"term", topology.leadership.term.value()},
            {"primary", has_primary ? Json(topology.leadership.primary.value()) : Json(nullptr)},
            {"mode", cluster::to_string(topology.charter.mode)},
            {"acks", topology.charter.acks},
            {"proxy", status.is_proxy_running ? "running" : "down"},
            {"endpoints", endpoints_json(status.endpoints)},
            {"nodes", std::move(nodes)}};
  // Text from a server or a foreign store may be no UTF-8; that must not cost the whole answer.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace dorsal::admin
