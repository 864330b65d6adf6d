// Views of a cluster of three for the tests of this folder: node1 is the primary.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/failover/decide.h"

namespace dorsal::failover {

inline constexpr const char* kUuidOne = "11111111-1111-1111-1111-111111111111";
inline constexpr const char* kUuidTwo = "22222222-2222-2222-2222-222222222222";

inline mysql::GtidSet gtids(const std::string& text) { return *mysql::parse_gtid_set(text); }
inline std::string from_one(const std::string& interval) {
  return std::string(kUuidOne) + ":" + interval;
}
inline std::string from_two(const std::string& interval) {
  return std::string(kUuidTwo) + ":" + interval;
}

inline cluster::Node node(const std::string& name, const std::string& address) {
  cluster::Node node;
  node.member.name = cluster::NodeName(name);
  node.member.address = address;
  node.member.joined = true;
  node.state.healthy = true;
  return node;
}

// A cluster of three at rest, node1 the primary with acknowledgements required.
inline cluster::Topology settled() {
  cluster::Topology topology;
  topology.charter.mode = cluster::Mode::SemiSync;
  topology.charter.acks = 1;
  topology.leadership.term = cluster::Term(1);
  topology.leadership.primary = cluster::NodeName("node1");
  for (int i = 1; i <= 3; ++i) {
    cluster::Node each = node("node" + std::to_string(i), "127.0.0.1:604" + std::to_string(i));
    each.state.role = i == 1 ? cluster::Role::Primary : cluster::Role::Replica;
    each.state.server_uuid = i == 1   ? kUuidOne
                             : i == 2 ? kUuidTwo
                                      : "33333333-3333-3333-3333-333333333333";
    each.state.gtid_executed = from_one("1-100");
    topology.leadership.votes[each.member.name] = {};
    topology.nodes.push_back(each);
  }
  return topology;
}

inline const TimePoint kNow = TimePoint(std::chrono::hours(1));

inline View base_view(const std::string& self) {
  View view;
  view.now = view.renewal_seen = kNow;
  view.self = cluster::NodeName(self);
  view.store_answers = true;
  view.topology = settled();
  view.server.stage = cluster::DataStage::Member;
  view.server.process = cluster::Process::Answers;
  view.server.pid = 4242;
  cluster::ServerFacts facts;
  facts.executed = gtids(from_one("1-100"));
  facts.syncs_relay_log = true;
  view.server.facts = facts;
  return view;
}

// The primary at work.
inline View primary_view() {
  View view = base_view("node1");
  view.server.may_be_writable = view.server.facts->writable = true;
  view.server.facts->source_semi_sync = view.server.facts->source_semi_sync_active = true;
  view.lease = Lease{kNow};
  view.renewal_tried = kNow;
  view.lag_ms = 0;
  return view;
}

// The primary as its server comes up.
inline View booted_primary_view() {
  View view = primary_view();
  view.server.may_be_writable = view.server.facts->writable = false;
  view.server.facts->source_semi_sync = view.server.facts->source_semi_sync_active = false;
  return view;
}

inline cluster::Following following(const std::string& host, std::uint16_t port) {
  cluster::Following state;
  state.host = host;
  state.port = port;
  state.is_as_we_configure = true;
  state.receiver = cluster::Receiver::On;
  state.applier_runs = true;
  return state;
}

// A voter at work.
inline View replica_view() {
  View view = base_view("node2");
  view.server.facts->following = following("127.0.0.1", 6041);
  view.server.facts->replica_semi_sync = view.server.facts->replica_semi_sync_active = true;
  view.lag_ms = 0;
  return view;
}

// node2 of a cluster whose replicas have not joined.
inline View newcomer_view() {
  View view = replica_view();
  view.server.facts->replica_semi_sync = view.server.facts->replica_semi_sync_active = false;
  view.server.facts->syncs_relay_log = false;
  view.topology.leadership.votes.clear();
  for (cluster::Node& each : view.topology.nodes) {
    each.member.joined = each.member.name == cluster::NodeName("node1");
    if (!each.member.joined) each.state = cluster::NodeState();
  }
  return view;
}

inline View empty_cluster_view() {
  View view = newcomer_view();
  view.topology.leadership = cluster::Leadership();
  for (cluster::Node& each : view.topology.nodes) {
    each.member.joined = false;
    each.state = cluster::NodeState();
  }
  view.server = cluster::Server();
  return view;
}

inline cluster::Node& find(View& view, const std::string& name) {
  for (cluster::Node& each : view.topology.nodes) {
    if (each.member.name == cluster::NodeName(name)) return each;
  }
  std::abort();
}

// node2, while another primary is to be found for node1, whose server died.
inline View election_view() {
  View view = replica_view();
  view.topology.leadership.handed_over = true;
  view.topology.leadership.election =
      cluster::Election{cluster::Term(2), cluster::NodeName("node3"), "mysqld died", 0};
  view.server.facts->following->receiver = cluster::Receiver::Off;
  find(view, "node1").state.role = cluster::Role::Down;
  return view;
}

inline void promise(View& view, const std::string& name, const std::string& received) {
  find(view, name).promise = cluster::Promise{cluster::Term(2), received, true};
}

inline void take_vote(View& view, const std::string& name) {
  view.topology.leadership.votes.erase(cluster::NodeName(name));
}

inline void give_vote(View& view, const std::string& name) {
  view.topology.leadership.votes[cluster::NodeName(name)] = {};
}

inline void mark(View& view, const std::string& name, cluster::Vote::State state) {
  view.topology.leadership.votes[cluster::NodeName(name)].state = state;
}

inline cluster::Member& own(View& view) {
  for (cluster::Node& each : view.topology.nodes) {
    if (each.member.name == view.self) return each.member;
  }
  std::abort();
}

}  // namespace dorsal::failover
