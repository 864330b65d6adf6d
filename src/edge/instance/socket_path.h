// Where a node's unix socket goes.
#pragma once

#include <string>

#include "base/result.h"

namespace dorsal::instance {

// DIR/mysqld.sock when that fits into a socket address (107 bytes); else a name made from the path
// in a folder of ours (mode 0700) under runtime_dir, since whoever can put a socket there would be
// told the agent's password. Invalid, in a sentence, when neither is possible.
Result<std::string> choose_socket_path(const std::string& dir, const std::string& runtime_dir);

}  // namespace dorsal::instance
