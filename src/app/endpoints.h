// Where clients connect, from the configuration.
#pragma once

#include "app/config.h"
#include "service/admin/status_json.h"

namespace dorsal::app {

// An address that means "any" is shown as 127.0.0.1, which reaches it from this machine.
admin::Endpoints endpoints_of(const Config& config);

// "[::1]:6033" for an IPv6 host.
std::string host_and_port(const std::string& host, std::uint16_t port);

// The host at which a server that listens there is reached from this machine.
std::string reachable_host(const std::string& listen);

}  // namespace dorsal::app
