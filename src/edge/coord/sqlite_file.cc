#include "edge/coord/sqlite_file.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/crypto.h"
#include "edge/io/files.h"

namespace dorsal::coord {
namespace {

constexpr int kApplicationId = 0x446f7273;  // "Dors"
constexpr std::chrono::milliseconds kOpenWait(5000);
constexpr std::chrono::milliseconds kOpenPause(10);

// SQLite leaves the mode of a new file to the umask; its -wal and -shm take over the file's mode.
// So an empty file of the right mode is made beside it and linked into place, unless somebody else
// was first: at no moment may others read it.
Result<void> create_private_file(const std::string& path) {
  std::error_code failed;
  if (std::filesystem::exists(path, failed)) return {};
  auto beside = path + ".new-" + random_password();
  DORSAL_TRY_VOID(io::write_file_atomically(beside, "", 0600).in(fmt::format("store {}", path)));
  std::filesystem::create_hard_link(beside, path, failed);
  DORSAL_TRY_VOID(io::remove_tree(beside));
  if (!failed || failed == std::errc::file_exists) return {};
  return unavailable(fmt::format("store {}: {}", path, failed.message()));
}

}  // namespace

void SqliteFile::CloseDatabase::operator()(sqlite3* database) const { sqlite3_close_v2(database); }
void SqliteFile::CloseStatement::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

// One use of a prepared statement, which is ready for the next use at the end.
class SqliteFile::Cursor {
 public:
  Cursor(SqliteFile& file, Statement& statement) : file_(file), statement_(statement.get()) {}
  ~Cursor() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // The bytes outlive the Cursor.
  Cursor& text(int index, std::string_view bytes) {
    sqlite3_bind_text64(statement_, index, bytes.data(), bytes.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  Cursor& blob(int index, std::string_view bytes) {
    // A null pointer would store NULL, even for a length of zero.
    const char* start = bytes.empty() ? "" : bytes.data();
    sqlite3_bind_blob64(statement_, index, start, bytes.size(), SQLITE_STATIC);
    return *this;
  }
  Cursor& number(int index, std::uint64_t value) {
    sqlite3_bind_int64(statement_, index, static_cast<sqlite3_int64>(value));
    return *this;
  }

  // True: on a row. False: no more rows.
  Result<bool> step() {
    int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return file_.failure(code);
  }

  std::string bytes(int column) const {
    const void* start = sqlite3_column_blob(statement_, column);
    auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return start == nullptr ? std::string() : std::string(static_cast<const char*>(start), size);
  }
  std::uint64_t number(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
  }

 private:
  SqliteFile& file_;
  sqlite3_stmt* statement_;
};

// Rolls back unless committed.
class SqliteFile::Transaction {
 public:
  // Takes the write lock at once: nobody can change what is read inside.
  static Result<std::unique_ptr<Transaction>> for_writing(SqliteFile& file) {
    return begin(file, "BEGIN IMMEDIATE");
  }
  // All that is read inside is of one moment.
  static Result<std::unique_ptr<Transaction>> for_reading(SqliteFile& file) {
    return begin(file, "BEGIN");
  }
  ~Transaction() {
    if (is_open_) sqlite3_exec(file_.database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }

  Result<void> commit() {
    DORSAL_TRY_VOID(file_.execute("COMMIT"));
    is_open_ = false;
    return {};
  }

 private:
  explicit Transaction(SqliteFile& file) : file_(file) {}

  static Result<std::unique_ptr<Transaction>> begin(SqliteFile& file, const char* sql) {
    DORSAL_TRY_VOID(file.execute(sql));
    return std::unique_ptr<Transaction>(new Transaction(file));
  }

  SqliteFile& file_;
  bool is_open_ = true;
};

SqliteFile::~SqliteFile() = default;

// While several processes make a new file into a store, the change to WAL mode locks the others out
// without regard to their busy time-out; so this tries again.
Result<std::unique_ptr<SqliteFile>> SqliteFile::open(const std::string& path) {
  for (auto tries_left = kOpenWait / kOpenPause;; --tries_left) {
    auto file = open_once(path);
    bool is_busy = !file && file.error().kind == ErrorKind::Timeout;
    if (!is_busy || tries_left == 0) return file;
    std::this_thread::sleep_for(kOpenPause);
  }
}

Result<std::unique_ptr<SqliteFile>> SqliteFile::open_once(const std::string& path) {
  std::unique_ptr<SqliteFile> file(new SqliteFile(path));
  DORSAL_TRY_VOID(create_private_file(path));
  DORSAL_TRY_VOID(file->connect());
  bool needs_schema = false;
  DORSAL_TRY_VOID(file->check_format(needs_schema));
  if (needs_schema) DORSAL_TRY_VOID(file->prepare_schema());
  DORSAL_TRY_VOID(file->prepare_statements());
  return file;
}

Result<void> SqliteFile::connect() {
  sqlite3* opened = nullptr;
  int code =
      sqlite3_open_v2(path_.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(opened);
  if (code != SQLITE_OK) return failure(code);
  sqlite3_extended_result_codes(opened, 1);
  wait_at_most(kOpenWait);
  // Every connection says it, as the setting is not kept in the file.
  return execute("PRAGMA synchronous=FULL");
}

// Before anything is written, so that a file of somebody else stays as it is.
Result<void> SqliteFile::check_format(bool& needs_schema) {
  DORSAL_TRY(auto transaction, Transaction::for_reading(*this));
  DORSAL_TRY(auto application, number("PRAGMA application_id"));
  DORSAL_TRY(auto format, number("PRAGMA user_version"));
  DORSAL_TRY(auto objects, number("SELECT COUNT(*) FROM sqlite_schema"));
  needs_schema = application == 0 && format == 0 && objects == 0;
  if (!needs_schema && application != kApplicationId) {
    return invalid(fmt::format("{} is an SQLite file but no store of Dorsal", path_));
  }
  if (format > kFormat) {
    return invalid(
        fmt::format("the store {} has format {}, and this dorsal knows formats up to {}; "
                    "use the newer dorsal that wrote it",
                    path_,
                    format,
                    kFormat));
  }
  return {};
}

// Several processes may find the new file empty at once; the write lock lets one of them fill it.
Result<void> SqliteFile::prepare_schema() {
  DORSAL_TRY_VOID(execute("PRAGMA journal_mode=WAL"));
  DORSAL_TRY(auto transaction, Transaction::for_writing(*this));
  DORSAL_TRY(auto objects, number("SELECT COUNT(*) FROM sqlite_schema"));
  if (objects != 0) return {};
  DORSAL_TRY_VOID(execute(
      "CREATE TABLE entry (key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL)"
      " WITHOUT ROWID;"
      "CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL);"
      "INSERT INTO counter VALUES (1, 0);"));
  auto marks =
      fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId, kFormat);
  DORSAL_TRY_VOID(execute(marks.c_str()));
  return transaction->commit();
}

Result<void> SqliteFile::prepare_statements() {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&get_, "SELECT value, revision FROM entry WHERE key = ?1"},
      {&list_,
       "SELECT key, value, revision FROM entry WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1"
       " AND (?1 <> '' OR key < '~')"
       " ORDER BY key"},
      {&put_, "INSERT OR REPLACE INTO entry (key, value, revision) VALUES (?1, ?2, ?3)"},
      {&erase_, "DELETE FROM entry WHERE key = ?1"},
      {&newest_, "SELECT revision FROM counter"},
      {&advance_, "UPDATE counter SET revision = revision + 1 RETURNING revision"}};
  for (const auto& [statement, sql] : statements) {
    DORSAL_TRY(*statement, prepare(sql));
  }
  return {};
}

Result<SqliteFile::Statement> SqliteFile::prepare(std::string_view sql) {
  sqlite3_stmt* prepared = nullptr;
  int code = sqlite3_prepare_v3(database_.get(),
                                sql.data(),
                                static_cast<int>(sql.size()),
                                SQLITE_PREPARE_PERSISTENT,
                                &prepared,
                                nullptr);
  if (code != SQLITE_OK) return failure(code);
  return Statement(prepared);
}

Result<void> SqliteFile::execute(const char* sql) {
  int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return {};
}

Result<std::int64_t> SqliteFile::number(const char* sql) {
  DORSAL_TRY(auto statement, prepare(sql));
  Cursor cursor(*this, statement);
  DORSAL_TRY_VOID(cursor.step());
  return static_cast<std::int64_t>(cursor.number(0));
}

void SqliteFile::wait_at_most(Duration limit) {
  auto limit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  sqlite3_busy_timeout(database_.get(), static_cast<int>(std::max<std::int64_t>(limit_ms, 1)));
}

// Every failure of the file is one of the store: it says nothing about what the keys hold.
Error SqliteFile::failure(int code) const {
  auto message = fmt::format("store {}: {}", path_, sqlite3_errstr(code));
  if (database_ != nullptr && sqlite3_errcode(database_.get()) != SQLITE_OK) {
    message = fmt::format("store {}: {}", path_, sqlite3_errmsg(database_.get()));
  }
  int primary = code & 0xff;
  if (primary == SQLITE_NOTADB) return invalid(fmt::format("{} is no store of Dorsal", path_));
  if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) return timeout(std::move(message));
  return unavailable(std::move(message));
}

Result<std::optional<Entry>> SqliteFile::get(std::string_view key, Duration limit) {
  wait_at_most(limit);
  Cursor cursor(*this, get_);
  DORSAL_TRY(bool found, cursor.text(1, key).step());
  if (!found) return std::optional<Entry>();
  return std::optional<Entry>(Entry{std::string(key), cursor.bytes(0), Revision(cursor.number(1))});
}

Result<std::vector<Entry>> SqliteFile::list(std::string_view prefix, Duration limit) {
  wait_at_most(limit);
  Cursor cursor(*this, list_);
  cursor.text(1, prefix);
  std::vector<Entry> entries;
  for (;;) {
    DORSAL_TRY(bool found, cursor.step());
    if (!found) return entries;
    entries.push_back(Entry{cursor.bytes(0), cursor.bytes(1), Revision(cursor.number(2))});
  }
}

Result<Revision> SqliteFile::newest(Duration limit) {
  wait_at_most(limit);
  Cursor cursor(*this, newest_);
  DORSAL_TRY_VOID(cursor.step());
  return Revision(cursor.number(0));
}

Result<Revision> SqliteFile::next_revision() {
  Cursor cursor(*this, advance_);
  DORSAL_TRY_VOID(cursor.step());
  return Revision(cursor.number(0));
}

Result<void> SqliteFile::check_revision(std::string_view key, Revision expected) {
  Cursor cursor(*this, get_);
  DORSAL_TRY(bool found, cursor.text(1, key).step());
  auto revision = found ? Revision(cursor.number(1)) : Revision();
  if (revision == expected) return {};
  return conflict(
      fmt::format("'{}' is at revision {}, not {}", key, revision.value(), expected.value()));
}

Result<Revision> SqliteFile::put(std::string_view key,
                                 std::string_view value,
                                 Revision expected,
                                 Duration limit) {
  wait_at_most(limit);
  DORSAL_TRY(auto transaction, Transaction::for_writing(*this));
  DORSAL_TRY_VOID(check_revision(key, expected));
  DORSAL_TRY(auto revision, next_revision());
  {
    Cursor cursor(*this, put_);
    DORSAL_TRY_VOID(cursor.text(1, key).blob(2, value).number(3, revision.value()).step());
  }
  DORSAL_TRY_VOID(transaction->commit());
  return revision;
}

Result<void> SqliteFile::erase(std::string_view key, Revision expected, Duration limit) {
  wait_at_most(limit);
  DORSAL_TRY(auto transaction, Transaction::for_writing(*this));
  DORSAL_TRY_VOID(check_revision(key, expected));
  DORSAL_TRY_VOID(next_revision());
  {
    Cursor cursor(*this, erase_);
    DORSAL_TRY_VOID(cursor.text(1, key).step());
  }
  return transaction->commit();
}

}  // namespace dorsal::coord
