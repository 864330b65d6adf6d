// Says which process listens on a TCP port of this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace dorsal::io {

// "mysqld (pid 4242)"; "a process of another user" when somebody listens whom /proc does not show
// to us; empty when nobody listens.
std::optional<std::string> process_listening_on(std::uint16_t port);

}  // namespace dorsal::io
