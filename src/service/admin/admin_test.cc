#include "service/admin/admin.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <nlohmann/json.hpp>

#include "edge/io/testing.h"
#include "service/admin/health.h"
#include "service/admin/page.h"

namespace dorsal::admin {
namespace {

using cluster::NodeName;
using cluster::Role;

cluster::Topology topology_of(Role first,
                              bool first_is_healthy,
                              std::optional<std::int64_t> lag_ms) {
  cluster::Node primary;
  primary.member.name = NodeName("node1");
  primary.state.role = first;
  primary.state.healthy = first_is_healthy;
  cluster::Node replica;
  replica.member.name = NodeName("node2");
  replica.state.role = Role::Replica;
  replica.state.healthy = true;
  replica.state.lag_ms = lag_ms;
  cluster::Topology topology;
  topology.leadership.term = cluster::Term(3);
  topology.leadership.primary = NodeName("node1");
  topology.nodes = {primary, replica};
  return topology;
}

TEST(Health, APrimaryMustLeadAndBeHealthy) {
  EXPECT_TRUE(primary_health(topology_of(Role::Primary, true, 0)).is_good);
  EXPECT_EQ(primary_health(topology_of(Role::Primary, false, 0)).reason,
            "the primary node1 is not healthy");
  EXPECT_EQ(primary_health(topology_of(Role::Down, false, 0)).reason,
            "node1 leads term 3 but is down now");
  EXPECT_EQ(primary_health({}).reason, "there is no primary");
}

TEST(Health, AReplicaMustBeFreshEnough) {
  auto topology = topology_of(Role::Primary, true, 100);
  EXPECT_TRUE(replica_health(topology, std::nullopt).is_good);
  EXPECT_TRUE(replica_health(topology, 100).is_good);
  EXPECT_EQ(replica_health(topology, 99).reason, "no replica is within 99 ms of the primary");
  EXPECT_EQ(replica_health({}, 99).reason, "there is no healthy replica");
}

TEST(Health, AnUnknownLagIsNotFreshEnough) {
  auto topology = topology_of(Role::Primary, true, std::nullopt);
  EXPECT_FALSE(replica_health(topology, 1000000).is_good);
}

TEST(Health, ReadyMeansThatSomethingCanAnswer) {
  EXPECT_TRUE(ready_health(topology_of(Role::Primary, true, 0)).is_good);
  EXPECT_EQ(ready_health(topology_of(Role::Down, false, 0)).reason,
            "node2 serves reads; node1 leads term 3 but is down now");
  EXPECT_FALSE(ready_health({}).is_good);
}

TEST(Page, NeedsNothingFromElsewhere) {
  auto page = std::string(status_page());
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
  EXPECT_EQ(page.find("innerHTML"), std::string::npos);
}

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() {
    io::Loop loop;
    options_.http_port = io::testing::free_port(loop);
    options_.endpoints.split = "127.0.0.1:6033";
    options_.is_proxy_running = true;
  }
  void start() {
    auto started = Admin::start(options_, topology_, counters_);
    ASSERT_TRUE(started) << started.error().message;
    admin_ = *std::move(started);
  }
  void publish(cluster::Topology topology) {
    topology_.store(std::make_shared<const cluster::Topology>(std::move(topology)));
  }
  httplib::Response get(const std::string& path) {
    httplib::Client client("127.0.0.1", options_.http_port);
    auto answer = client.Get(path);
    EXPECT_TRUE(answer) << path;
    return answer ? *answer : httplib::Response();
  }

  Options options_;
  cluster::SharedTopology topology_;
  Counters counters_;
  std::unique_ptr<Admin> admin_;
};

TEST_F(AdminTest, AnswersBeforeTheStoreWasRead) {
  start();
  EXPECT_EQ(get("/health/live").status, 200);
  EXPECT_EQ(get("/health/ready").status, 503);
  auto status = nlohmann::json::parse(get("/api/status").body);
  EXPECT_TRUE(status["primary"].is_null());
  EXPECT_EQ(status["endpoints"]["split"], "127.0.0.1:6033");
}

TEST_F(AdminTest, ProbesFollowTheTopology) {
  start();
  publish(topology_of(Role::Primary, true, 50));
  EXPECT_EQ(get("/health/primary").status, 200);
  EXPECT_EQ(get("/health/primary").body, "node1 is primary in term 3\n");
  EXPECT_EQ(get("/health/replica?max_lag_ms=50").status, 200);
  EXPECT_EQ(get("/health/replica?max_lag_ms=49").status, 503);
  publish(topology_of(Role::Down, false, 50));
  EXPECT_EQ(get("/health/primary").status, 503);
  EXPECT_EQ(get("/health/ready").status, 200);
}

TEST_F(AdminTest, ALagThatIsNoNumberIsABadRequest) {
  start();
  for (const char* text : {"x", "-1", "", "1e3"}) {
    EXPECT_EQ(get(std::string("/health/replica?max_lag_ms=") + text).status, 400) << text;
  }
}

TEST_F(AdminTest, StatusAndMetricsNameTheNodes) {
  start();
  publish(topology_of(Role::Primary, true, 50));
  counters_.counter("dorsal_test_total", "A number of this test.").add(5);
  auto status = nlohmann::json::parse(get("/api/status").body);
  EXPECT_EQ(status["primary"], "node1");
  EXPECT_EQ(status["proxy"], "running");
  EXPECT_EQ(status["nodes"].size(), 2u);
  auto metrics = get("/metrics").body;
  EXPECT_NE(metrics.find("dorsal_test_total 5"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("dorsal_node_lag_seconds{node=\"node2\"} 0.05"), std::string::npos)
      << metrics;
}

TEST_F(AdminTest, ThePageMayLoadNothingFromElsewhere) {
  start();
  auto page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.get_header_value("Content-Security-Policy").find("default-src 'none'"),
            std::string::npos);
}

TEST_F(AdminTest, AnUnknownPathIsNotFound) {
  start();
  EXPECT_EQ(get("/api/nothing").status, 404);
}

TEST_F(AdminTest, APortInUseIsRefusedWithTheProcess) {
  start();
  auto second = Admin::start(options_, topology_, counters_);
  ASSERT_FALSE(second);
  auto begin = "port " + std::to_string(options_.http_port) + " is in use by ";
  EXPECT_TRUE(second.error().message.starts_with(begin)) << second.error().message;
}

TEST_F(AdminTest, StopsWithAClientConnected) {
  start();
  httplib::Client client("127.0.0.1", options_.http_port);
  client.set_keep_alive(true);
  ASSERT_TRUE(client.Get("/health/live"));
  admin_.reset();
  EXPECT_FALSE(client.Get("/health/live"));
}

}  // namespace
}  // namespace dorsal::admin
