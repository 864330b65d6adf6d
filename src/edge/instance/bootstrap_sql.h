// The statements that a new data folder begins with: accounts, and the table of heartbeats.
//
// Every node runs them, also those that are cloned afterwards: the recipient of a clone needs its
// agent's account to be told to clone. They stay out of the binary log, so gtid_executed is empty.
#pragma once

#include <string>

#include "edge/instance/secrets.h"

namespace dorsal::instance {

// For mysqld's init_file: one statement per line. Holds passwords.
std::string render_bootstrap_sql(const Secrets& secrets);

}  // namespace dorsal::instance
