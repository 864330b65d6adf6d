// Remembers which connection of a lost primary committed what, for clients that were not told.
//
// Only relay logs say it of transactions from elsewhere, and a node that becomes the primary
// forgets those. So they are set aside before, and read when the node is at work:
//
//   DIR/origins/relay.000003 …     hard links, until they have been read
//
// Calls block.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/mysql/commit_search.h"

namespace dorsal::instance {

class Origins {
 public:
  // `dir` is the node's own folder.
  explicit Origins(const std::string& dir) : folder_(dir + "/origins") {}

  // Sets the relay logs of the data folder aside, in the place of those from before.
  Result<void> keep(const std::string& data) const;

  // What they tell: of the newest `most` transactions, the newest first.
  Result<std::vector<mysql::Commit>> read(std::size_t most) const;

  void discard() const;

 private:
  std::string folder_;
};

}  // namespace dorsal::instance
