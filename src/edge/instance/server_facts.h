// Asks a server how it is.
#pragma once

#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/server.h"
#include "core/mysql/command_client.h"
#include "edge/client/connection.h"
#include "edge/io/task.h"

namespace dorsal::instance {

struct FactsWanted {
  cluster::DataStage stage = cluster::DataStage::Fresh;
  std::string tls_ca;  // what our own replication settings name
};

// In this order: executed set and variables, counters of semi-sync, replication, clone, heartbeat.
// The connection outlives the call.
io::Task<Result<cluster::ServerFacts>> ask_facts(client::Connection& connection,
                                                 FactsWanted wanted,
                                                 Deadline deadline);

// Whether a server with these variables may still take writes. While it waits for commits, SET
// GLOBAL super_read_only = ON shows super_read_only as ON already, and read_only as OFF until they
// have ended (fix_super_read_only() in the server's sql/sys_vars.cc; seen with 9.7). The recipient
// of a clone is taken out of super_read_only for its own sake, see Instance::clone_from(), and
// stays closed to everybody else by read_only.
bool is_writable(bool super_read_only, bool read_only, cluster::DataStage stage);

// From the row of SHOW REPLICA STATUS; NotFound without a row.
Result<cluster::Following> read_following(const mysql::ResultSet& rows, const std::string& tls_ca);

}  // namespace dorsal::instance
