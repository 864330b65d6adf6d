#include "service/admin/status_json.h"

#include <nlohmann/json.hpp>

#include "core/failover/protection.h"
#include "core/failover/readiness.h"

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

Json node_json(const cluster::Topology& topology, const cluster::Node& node) {
  const cluster::Member& member = node.member;
  const cluster::NodeState& state = node.state;
  return Json{
      {"name", member.name.value()},
      {"address", member.address},
      {"role", cluster::to_string(state.role)},
      {"pid", value_or_null(state.pid)},
      {"gtid_executed", state.gtid_executed},
      {"lag_ms", value_or_null(state.lag_ms)},
      {"zone", text_or_null(state.zone)},
      {"read_weight", state.read_weight},
      {"priority", state.priority},
      {"semi_sync", state.semi_sync},
      {"healthy", state.healthy},
      {"voter", topology.is_voter(member.name)},
      {"joined", member.joined},
      {"server_id", member.server_id.value()},
      {"server_uuid", text_or_null(state.server_uuid)},
      {"server_version", text_or_null(state.server_version)},
      {"version", text_or_null(state.version)},
      {"reported_at_ms", state.published_ms == 0 ? Json(nullptr) : Json(state.published_ms)},
      {"activity", text_or_null(state.activity)}};
}

// How a change of primary that somebody asked for stands; null when there is none.
Json switchover_json(const cluster::Topology& topology) {
  const auto& switchover = topology.leadership.switchover;
  if (!switchover) return nullptr;
  return Json{{"to", switchover->to.value()},
              {"reason", text_or_null(switchover->reason)},
              {"holding", topology.holds_statements()},
              {"given_up", text_or_null(switchover->given_up)}};
}

Json election_json(const cluster::Topology& topology) {
  const auto& election = topology.leadership.election;
  if (!election) return nullptr;
  return Json{
      {"term", election->term.value()},
      {"begun_by", election->begun_by.value()},
      {"reason", election->reason},
      {"candidate", election->candidate ? Json(election->candidate->value()) : Json(nullptr)},
      {"may_lose_writes", election->may_lose_writes}};
}

// What losing the primary now would mean.
Json readiness_json(const cluster::Topology& topology) {
  const failover::Readiness ready = failover::readiness(topology);
  return Json{{"ready", ready.blocked_by.empty()},
              {"candidate", ready.candidate ? Json(ready.candidate->value()) : Json(nullptr)},
              {"blocked_by", text_or_null(ready.blocked_by)},
              {"may_lose_writes", ready.may_lose_writes},
              {"host_lost_ms", ready.host_lost_ms},
              {"mysqld_lost_ms", ready.mysqld_lost_ms},
              {"survives_now", ready.survives_now},
              {"survives", ready.survives}};
}

}  // namespace

std::string status_json(const Status& status) {
  const auto& topology = status.topology;
  bool has_primary = topology.leadership.term != cluster::Term();
  Json nodes = Json::array();
  for (const auto& node : topology.nodes) nodes.push_back(node_json(topology, node));
  Json json{{"cluster", topology.charter.name},
            {"term", topology.leadership.term.value()},
            {"primary", has_primary ? Json(topology.leadership.primary.value()) : Json(nullptr)},
            {"mode", cluster::to_string(topology.charter.mode)},
            {"acks", topology.charter.acks},
            {"acks_in_force", topology.acks_in_force()},
            {"protected", failover::writes_are_protected(topology)},
            {"paused", topology.pause.has_value()},
            {"failover", readiness_json(topology)},
            {"switchover", switchover_json(topology)},
            {"election", election_json(topology)},
            {"proxy", status.is_proxy_running ? "running" : "down"},
            {"endpoints", endpoints_json(status.endpoints)},
            {"nodes", std::move(nodes)}};
  // Text from a server or a foreign store may be no UTF-8; that must not cost the whole answer.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace dorsal::admin
