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

// From the row of SHOW REPLICA STATUS; NotFound without a row.
Result<cluster::Following> read_following(const mysql::ResultSet& rows, const std::string& tls_ca);

}  // namespace dorsal::instance
