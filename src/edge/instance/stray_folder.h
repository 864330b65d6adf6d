// Transactions that a node has and the cluster never will, kept for people before the node is
// cloned anew.
//
//   DIR/strays/20261121T201500Z/
//     gtids              the GTID set
//     binlog.000007 …    of each binlog that holds any of them, just these; mysqlbinlog reads them
//     relay.000003 …     the same of relay logs, for what was never applied
//     strays.sql         the same as SQL, with changed rows as comments, where mysqlbinlog was
//     found
//
// A folder is there as a whole or not at all. Nothing in Dorsal reads the transactions again, nor
// removes them. Calls block.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::instance {

class StrayFolder {
 public:
  // `dir` is the node's own folder.
  explicit StrayFolder(const std::string& dir) : root_(dir + "/strays") {}

  // Everything that was kept so far; what cannot be read is not counted.
  mysql::GtidSet kept() const;

  struct Draft {
    std::string path;                  // of the folder that is being made
    std::vector<std::string> binlogs;  // paths in it
    mysql::GtidSet found;              // in these; less than asked for when binlogs were purged
  };
  // Copies them out of the binlogs and relay logs of the data folder.
  Result<Draft> begin(const std::string& data, const mysql::GtidSet& strays) const;

  // Puts the draft into place, under a name made of the wall clock; its path. Durable when it
  // returns.
  Result<std::string> finish(const Draft& draft, std::int64_t wall_ms) const;

 private:
  std::string root_;
};

}  // namespace dorsal::instance
