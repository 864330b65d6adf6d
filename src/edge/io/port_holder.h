// Says which process of this machine listens where one is about to.
#pragma once

#include <optional>
#include <string>

#include "edge/io/endpoint.h"

namespace dorsal::io {

// "mysqld (pid 4242)"; "a process of another user" when somebody listens whom /proc does not show
// to us; empty when nobody listens on the port, or only at other addresses. A host that is a name
// stands for any address.
std::optional<std::string> process_listening_on(const Endpoint& endpoint);

}  // namespace dorsal::io
