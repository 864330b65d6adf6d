// The coordination store in memory, for tests: obedient, or failing when told to.
//
// Several users on one loop may share it, as processes share the real one.
#pragma once

#include <map>
#include <string>

#include "edge/coord/coord_store.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"

namespace dorsal::coord {

class MemoryStore : public CoordStore {
 public:
  // The loop outlives the store.
  explicit MemoryStore(io::Loop& loop) : loop_(loop), changed_(loop) {}

  // The next `calls` calls fail with this error and do nothing.
  void fail_next(int calls, Error error);

  // The next `calls` writes take place, and answer with Timeout all the same.
  void lose_next_answers(int calls) { lost_answers_ = calls; }

  io::Task<Result<std::optional<Entry>>> get(std::string key, Deadline deadline) override;
  io::Task<Result<std::vector<Entry>>> list(std::string prefix, Deadline deadline) override;
  io::Task<Result<Revision>> put(std::string key,
                                 std::string value,
                                 Revision expected,
                                 Deadline deadline) override;
  io::Task<Result<void>> erase(std::string key, Revision expected, Deadline deadline) override;
  io::Task<Result<Revision>> changed_since(Revision seen, Deadline deadline) override;

 private:
  Result<void> fault();
  Result<void> check_revision(const std::string& key, Revision expected) const;
  Result<Revision> finish_write();

  io::Loop& loop_;
  io::Event changed_;
  std::map<std::string, Entry> entries_;
  Revision newest_;
  int failures_ = 0;
  Error failure_;
  int lost_answers_ = 0;
};

}  // namespace dorsal::coord
