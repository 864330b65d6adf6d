// Since when a replica has got nowhere because of an error that stopped its applier or its
// receiver.
//
// Whichever stopped is started again every few seconds, and forgets its error as it starts (MySQL
// Reference Manual, "SHOW REPLICA STATUS", Last_SQL_Errno and Last_IO_Errno). So what counts is not
// that the error is there at every look, but that nothing was applied since it was seen first. A
// receiver that cannot connect does not stop.
#pragma once

#include <optional>

#include "base/deadline.h"
#include "core/cluster/server.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::failover {

class BrokenReplication {
 public:
  // Of each look at the server, in the order of time. Empty: it is well, as far as is known.
  std::optional<TimePoint> note(const cluster::Server& server, TimePoint now);

 private:
  std::optional<TimePoint> since_;
  std::optional<TimePoint> runs_since_;  // without a break
  mysql::GtidSet executed_;              // when it broke
};

}  // namespace dorsal::failover
