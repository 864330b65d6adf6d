// The cluster's status as JSON, for `GET /api/status` and `dorsal status --json` alike.
//
// The one place where these fields are named. Fields are added, never renamed: scripts read them.
// Whatever is unknown is null, never zero or empty.
#pragma once

#include <string>

#include "core/cluster/topology.h"

namespace dorsal::admin {

// Where clients connect, each as host:port.
struct Endpoints {
  std::string split;
  std::string primary;
  std::string replicas;
  std::string admin;
  std::string http;
};

struct Status {
  cluster::Topology topology;  // expired states are Down already
  Endpoints endpoints;
  bool is_proxy_running = false;
};

// Indented, with the fields in a fixed order, ending with a line break.
std::string status_json(const Status& status);

}  // namespace dorsal::admin
