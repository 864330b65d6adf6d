// The service manager that has started this process, as far as it wants to be told.
#pragma once

#include <string>

#include "base/result.h"

namespace dorsal::io {

// Sends it lines of the form NAME=value, separated by '\n': see sd_notify(3), which also gives the
// protocol (one datagram to the unix socket that NOTIFY_SOCKET names, '@' standing for the first
// byte of an abstract one). Nothing happens where nobody has set NOTIFY_SOCKET. Unavailable when it
// cannot be reached.
Result<void> tell_service_manager(const std::string& lines);

}  // namespace dorsal::io
