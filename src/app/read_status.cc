#include "app/read_status.h"

#include <fmt/format.h>
#include <httplib.h>

#include <nlohmann/json.hpp>

#include "app/endpoints.h"
#include "app/lookout.h"
#include "app/open_store.h"
#include "edge/coord/cluster_store.h"
#include "edge/io/files.h"
#include "service/admin/status_json.h"

namespace dorsal::app {
namespace {

constexpr auto kLimit = std::chrono::seconds(2);
constexpr auto kStoreLimit = std::chrono::seconds(5);

// Somebody else's server may answer on that port with whatever it likes.
bool is_status(const std::string& body) {
  auto json = nlohmann::json::parse(body, nullptr, false);
  return json.is_object() && json.contains("cluster") && json.contains("endpoints") &&
         json.contains("nodes") && json["nodes"].is_array();
}

}  // namespace

Result<std::string> fetch_status(const Config& config) {
  auto host = reachable_host(config.admin.listen);
  httplib::Client client(host, config.admin.http_port);
  client.set_connection_timeout(kLimit);
  client.set_read_timeout(kLimit);
  auto where = host_and_port(host, config.admin.http_port);
  auto answer = client.Get("/api/status");
  if (!answer) return unavailable(fmt::format("the admin service at {} does not answer", where));
  if (answer->status != 200 || !is_status(answer->body)) {
    return unavailable(fmt::format("what answers at {} is no admin service of dorsal", where));
  }
  return answer->body;
}

Result<std::string> status_from_store(const Config& config) {
  // Opening would make a store where there is none.
  if (!store_may_exist(config)) {
    return not_found(
        fmt::format("there is no cluster yet: {} does not exist; start one with "
                    "'dorsal up', or name another with --dir",
                    config.cluster.store));
  }
  io::Loop loop;
  DORSAL_TRY(auto store, open_store(loop, config));
  coord::ClusterStore cluster(*store);
  Lookout lookout(loop, cluster, is_one_machine(config));
  DORSAL_TRY(auto snapshot, lookout.look(kStoreLimit));
  return admin::status_json({std::move(snapshot.topology), endpoints_of(config), false});
}

Result<std::string> read_status(const Config& config) {
  auto fetched = fetch_status(config);
  if (fetched) return fetched;
  return status_from_store(config);
}

}  // namespace dorsal::app
