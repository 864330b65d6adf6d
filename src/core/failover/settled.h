// What this node has for certain had before the primary's newest known position was taken.
//
// A primary's position is published about once a second, so at any time a replica has more than
// that, of the primary's own writes and of others that the primary took under other UUIDs: somebody
// plays back a binlog with its GTIDs, or sets gtid_next. Whether a replica has something that the
// primary lacks can only be told by looking at the replica first.
#pragma once

#include <cstdint>
#include <optional>

#include "core/failover/decide.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::failover {

class Settled {
 public:
  // REQUIRES: called at each look, in the order of looks.
  void note(const View& view);

  // Only grows while the same primary leads. Empty at first.
  const mysql::GtidSet& all() const { return all_; }

 private:
  cluster::Term term_;
  mysql::GtidSet all_;
  // Of some look. The first state that is newer may have been on its way by then; the second is of
  // a look that the primary took later.
  mysql::GtidSet waiting_;
  std::int64_t published_ms_ = 0;  // of the primary's newest state
  int newer_states_ = 0;           // since waiting_ was looked at
};

}  // namespace dorsal::failover
