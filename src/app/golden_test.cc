// What people and scripts see, compared with tests/golden.
//
// A deliberate change: DORSAL_GOLDEN_WRITE=1 makes these tests write what they see; read the diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "app/status_table.h"
#include "edge/io/files.h"
#include "service/admin/metrics.h"
#include "service/admin/status_json.h"

namespace dorsal::app {
namespace {

using cluster::Role;

void expect_golden(const std::string& name, const std::string& seen) {
  auto path = std::string(DORSAL_SOURCE "/tests/golden/status/") + name;
  if (std::getenv("DORSAL_GOLDEN_WRITE") != nullptr) std::ofstream(path) << seen;
  auto expected = io::read_file(path);
  ASSERT_TRUE(expected) << expected.error().message;
  EXPECT_EQ(seen, *expected) << "differs from " << path;
}

constexpr const char* kFirst = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
constexpr const char* kSecond = "4f22ab58-82db-22f2-af44-d91bba53a673";

cluster::Node node(int number, Role role) {
  cluster::Node made;
  made.member.name = cluster::NodeName("node" + std::to_string(number));
  made.member.server_id = cluster::ServerId(static_cast<std::uint32_t>(number));
  made.member.address = "127.0.0.1:604" + std::to_string(number);
  made.member.joined = role != Role::Joining;
  made.state.role = role;
  made.state.server_version = "9.7.4";
  made.state.version = "dorsal 1.0.0 (89abcde)";
  made.state.healthy = role == Role::Primary || role == Role::Replica;
  made.state.semi_sync = made.state.healthy;
  if (role != Role::Down) made.state.pid = 4240 + number;
  return made;
}

admin::Status running() {
  admin::Status status;
  status.is_proxy_running = true;
  status.endpoints = {"127.0.0.1:6033",
                      "127.0.0.1:6034",
                      "127.0.0.1:6035",
                      "127.0.0.1:6032",
                      "127.0.0.1:6038"};
  auto& topology = status.topology;
  topology.charter.name = "shop";
  topology.leadership.term = cluster::Term(7);
  topology.leadership.primary = cluster::NodeName("node1");
  topology.nodes = {node(1, Role::Primary), node(2, Role::Replica), node(3, Role::Replica)};
  for (auto& each : topology.nodes) {
    if (each.member.joined) topology.leadership.votes[each.member.name] = {};
    each.state.server_uuid = kFirst;
    each.state.published_ms = 1'700'000'000'000 + each.member.server_id.value();
    each.state.gtid_executed = std::string(kFirst) + ":1-905,\n" + kSecond + ":1-17:19";
  }
  topology.nodes[1].state.lag_ms = 12;
  topology.nodes[2].state.lag_ms = 0;
  return status;
}

admin::Status troubled() {
  auto status = running();
  status.is_proxy_running = false;
  auto& topology = status.topology;
  topology.nodes = {node(1, Role::Down), node(2, Role::Replica), node(3, Role::Joining)};
  topology.leadership.votes.erase(topology.nodes[2].member.name);
  topology.nodes[0].state.activity = "its agent is silent";
  topology.nodes[1].state.gtid_executed = std::string(kFirst) + ":1-905";
  topology.nodes[2].state.activity = "cloning from node2, 34 % of 12.5 GiB";
  topology.nodes[2].state.version = "dorsal 1.1.0 (0123456)";
  for (auto& each : topology.nodes) each.state.published_ms = 1'700'000'000'000;
  topology.nodes[0].state.published_ms = 1;  // its last word
  topology.nodes[2].state.published_ms += 3'600'000;
  return status;
}

TEST(Golden, StatusJsonOfARunningCluster) {
  expect_golden("running.json", admin::status_json(running()));
}
TEST(Golden, StatusTableOfARunningCluster) {
  expect_golden("running.txt", *status_table(admin::status_json(running()), false));
}
TEST(Golden, StatusJsonOfATroubledCluster) {
  expect_golden("troubled.json", admin::status_json(troubled()));
}
TEST(Golden, StatusTableOfATroubledCluster) {
  expect_golden("troubled.txt", *status_table(admin::status_json(troubled()), false));
}
TEST(Golden, StatusOfAClusterThatDoesNotExistYet) {
  expect_golden("empty.json", admin::status_json({}));
  expect_golden("empty.txt", *status_table(admin::status_json({}), false));
}

TEST(Golden, MetricsPage) {
  Counters counters;
  counters.counter("dorsal_proxy_reads_total", "Reads by where they ran.", {{"ran_on", "replica"}})
      .add(41);
  counters.gauge("dorsal_proxy_clients", "Clients that are connected.").set(3);
  counters.counter("dorsal_proxy_reads_total", "Reads by where they ran.", {{"ran_on", "primary"}})
      .add(2);
  expect_golden("metrics.txt", admin::metrics_page(counters.read(), troubled().topology));
}

}  // namespace
}  // namespace dorsal::app
