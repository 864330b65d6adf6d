// What `dorsal up` is about to do, checked in full before anything is made.
//
// plan_up() only looks. It refuses, in one sentence, whatever would make `up` fail half-way: a
// folder that is not ours, a configuration that does not parse, a port in use, too little disk or
// memory, no usable mysqld.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/local_cluster.h"
#include "app/role.h"
#include "base/result.h"

namespace dorsal::app {

struct UpOptions {
  std::string dir = kDefaultDir;
  std::optional<int> nodes;      // empty: as the cluster has, else three
  std::optional<int> port_base;  // empty: as the cluster has, else 6030
  bool detach = false;
  std::string mysqld;       // empty: as configured
  std::string buffer_pool;  // empty: as configured
  bool json = false;
};

struct PlannedRole {
  Role role;
  Config config;
  bool runs = false;  // already
};

struct UpPlan {
  LocalCluster cluster;
  Marker marker;
  std::vector<PlannedRole> nodes;
  PlannedRole proxy;
};

Result<UpPlan> plan_up(const UpOptions& options, const Environment& environment);

// The roles of the cluster in a folder that is ours, nodes first, the proxy last. A configuration
// that does not parse gives a role with its usual places.
std::vector<Role> roles_of(const LocalCluster& cluster,
                           const Marker& marker,
                           const Environment& environment);

// The configuration files that `up` writes where there are none.
std::string proxy_config_text(const Marker& marker);
std::string node_config_text(const Marker& marker, int number, const UpOptions& options);

}  // namespace dorsal::app
