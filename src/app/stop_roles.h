// Stops the roles of a local cluster cleanly, and nothing else.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/role.h"

namespace dorsal::app {

// The names of the roles that were running and are stopped now: the proxy first, so that no client
// meets half a cluster, then all agents at once, which stop their servers. Who does not end in its
// time is killed; a mysqld dies with its agent.
std::vector<std::string> stop_roles(const std::vector<Role>& roles,
                                    const std::function<void(const std::string&)>& say);

}  // namespace dorsal::app
