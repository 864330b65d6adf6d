// The SQLite file behind a SqliteStore: what one call of the store does to it, blocking.
//
//   entry    key, value, revision of its last change
//   counter  one row: the newest revision
//
// The file is in WAL mode and every commit is synced, so what put() acknowledged survives kill -9
// and a loss of power. Any number of processes may have it open; SQLite's own locks order them. The
// header's application_id says that a file is ours, its user_version which format it has.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/coord/coord_store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace dorsal::coord {

class SqliteFile {
 public:
  static constexpr int kFormat = 1;

  // Creates the file (mode 0600) if needed. Invalid, in one sentence: the file is no store of ours,
  // or of a newer format. Unavailable: it cannot be opened or written.
  static Result<std::unique_ptr<SqliteFile>> open(const std::string& path);

  ~SqliteFile();
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  // As the functions of CoordStore; `limit` is how long to wait for another process's lock.
  Result<std::optional<Entry>> get(std::string_view key, Duration limit);
  Result<std::vector<Entry>> list(std::string_view prefix, Duration limit);
  Result<Revision> put(std::string_view key,
                       std::string_view value,
                       Revision expected,
                       Duration limit);
  Result<void> erase(std::string_view key, Revision expected, Duration limit);
  Result<Revision> newest(Duration limit);

 private:
  struct CloseDatabase {
    void operator()(sqlite3* database) const;
  };
  struct CloseStatement {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, CloseStatement>;
  class Cursor;
  class Transaction;

  explicit SqliteFile(std::string path) : path_(std::move(path)) {}

  static Result<std::unique_ptr<SqliteFile>> open_once(const std::string& path);
  Result<void> connect();
  Result<void> check_format(bool& needs_schema);
  Result<void> prepare_schema();
  Result<void> prepare_statements();
  Result<void> execute(const char* sql);
  Result<std::int64_t> number(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  Result<Revision> next_revision();
  Result<void> check_revision(std::string_view key, Revision expected);
  void wait_at_most(Duration limit);
  Error failure(int code) const;

  std::string path_;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
  Statement get_;
  Statement list_;
  Statement put_;
  Statement erase_;
  Statement newest_;
  Statement advance_;
};

}  // namespace dorsal::coord
