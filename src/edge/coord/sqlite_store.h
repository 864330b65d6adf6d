// The coordination store of one machine: one SQLite file, which every process opens for itself.
//
// Statements run on a thread of the store's own, so a slow disk never stops the event loop. SQLite
// cannot wake another process, so changed_since() looks every 20 ms; a look costs microseconds.
#pragma once

#include <memory>
#include <string>

#include "edge/coord/coord_store.h"
#include "edge/coord/sqlite_file.h"
#include "edge/io/loop.h"
#include "edge/io/worker.h"

namespace dorsal::coord {

class SqliteStore : public CoordStore {
 public:
  // Blocks; for the start of a program. Fails like SqliteFile::open(). The loop outlives the store.
  static Result<std::unique_ptr<SqliteStore>> open(io::Loop& loop, const std::string& path);

  io::Task<Result<std::optional<Entry>>> get(std::string key, Deadline deadline) override;
  io::Task<Result<std::vector<Entry>>> list(std::string prefix, Deadline deadline) override;
  io::Task<Result<Revision>> put(std::string key,
                                 std::string value,
                                 Revision expected,
                                 Deadline deadline) override;
  io::Task<Result<void>> erase(std::string key, Revision expected, Deadline deadline) override;
  io::Task<Result<Revision>> changed_since(Revision seen, Deadline deadline) override;

 private:
  SqliteStore(io::Loop& loop, std::unique_ptr<SqliteFile> file)
      : loop_(loop), file_(std::move(file)) {}

  Duration limit(Deadline deadline) const;

  io::Loop& loop_;
  std::unique_ptr<SqliteFile> file_;  // used on the worker's thread alone
  io::Worker worker_;
};

}  // namespace dorsal::coord
