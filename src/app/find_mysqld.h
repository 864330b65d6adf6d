// Finds the mysqld to run.
#pragma once

#include <string>

#include "app/config.h"
#include "base/result.h"

namespace dorsal::app {

struct Mysqld {
  std::string path;
  std::string version;  // "9.7.4"
};

// `chosen` by flag or configuration, DORSAL_MYSQLD, PATH, /usr/sbin, then the private one below
// ${XDG_CACHE_HOME:-~/.cache}/dorsal. One that was named must do: Invalid or NotFound, in a
// sentence, when it is none, MariaDB's, or too old; of the others the first that will do is taken.
// Blocks while it asks them for their version.
Result<Mysqld> find_mysqld(const std::string& chosen, const Environment& environment);

// The mysql client to name to people: on PATH, else the private one. Empty when there is none.
std::string find_mysql_client(const Environment& environment);

}  // namespace dorsal::app
