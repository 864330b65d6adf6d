// The coordination store: small values under keys, with compare-and-swap and a way to wait.
//
// The cluster's only shared memory. Every write names the revision it was decided on, so two
// writers cannot both win; a lock in such a store is no mutual exclusion by itself (etcd #11457).
// Engines: SQLite in a file (sqlite_store.h), etcd (etcd_store.h), memory for tests
// (memory_store.h). All methods are called on one event loop. Failures are Timeout or Unavailable,
// and tell nothing about the key; Invalid says that the whole store is another cluster's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/named_type.h"
#include "base/result.h"
#include "edge/io/task.h"

namespace dorsal::coord {

// Grows with every change of anything in the store. Zero: the key does not exist.
using Revision = NamedType<std::uint64_t, struct RevisionTag>;

struct Entry {
  std::string key;
  std::string value;
  Revision revision;  // of the last change of this key
};

class CoordStore {
 public:
  virtual ~CoordStore() = default;

  // Empty when there is no such key.
  virtual io::Task<Result<std::optional<Entry>>> get(std::string key, Deadline deadline) = 0;

  // Every entry whose key begins with prefix, as of one moment, sorted by key. An empty prefix
  // means all but those that begin with kAside: what is not needed at every look stands there.
  static constexpr char kAside = '~';
  virtual io::Task<Result<std::vector<Entry>>> list(std::string prefix, Deadline deadline) = 0;

  // Writes value if the key's revision is still `expected` (zero: it must not exist yet), else
  // fails with Conflict. Returns the new revision. Durable when it returns. After a Timeout it is
  // unknown whether the write took place: read before deciding again.
  virtual io::Task<Result<Revision>> put(std::string key,
                                         std::string value,
                                         Revision expected,
                                         Deadline deadline) = 0;

  // Removes the key if its revision is still `expected`, else fails with Conflict.
  virtual io::Task<Result<void>> erase(std::string key, Revision expected, Deadline deadline) = 0;

  // Waits until the store's newest revision is above `seen` and returns it; Timeout when nothing
  // changed until the deadline. A watch that stays silent proves nothing: read now and then too.
  virtual io::Task<Result<Revision>> changed_since(Revision seen, Deadline deadline) = 0;
};

}  // namespace dorsal::coord
