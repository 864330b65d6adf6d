#include "edge/coord/sqlite_file.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "edge/coord/test_folder.h"
#include "edge/coord/test_process.h"
#include "edge/io/files.h"

namespace dorsal::coord {
namespace {

constexpr Duration kLong = std::chrono::seconds(20);

void run_sql(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
}

TEST(SqliteFile, OnlyItsOwnerMayReadIt) {
  TestFolder folder;
  auto file = SqliteFile::open(folder.file("store.db"));
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->put("key", "value", Revision(), kLong));
  for (const char* name : {"store.db", "store.db-wal", "store.db-shm"}) {
    auto seen = std::filesystem::status(folder.file(name)).permissions();
    EXPECT_EQ(seen, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << name;
  }
}

TEST(SqliteFile, KeepsItsContentWhenClosed) {
  TestFolder folder;
  auto path = folder.file("store.db");
  auto revision = *(*SqliteFile::open(path))->put("key", "value", Revision(), kLong);
  auto entry = (*SqliteFile::open(path))->get("key", kLong);
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->revision, revision);
}

TEST(SqliteFile, ANewerFormatIsRefused) {
  TestFolder folder;
  auto path = folder.file("store.db");
  ASSERT_TRUE(SqliteFile::open(path));
  run_sql(path, "PRAGMA user_version=2");
  auto opened = SqliteFile::open(path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(opened.error().message,
            "the store " + path +
                " has format 2, and this dorsal knows formats up to 1; "
                "use the newer dorsal that wrote it");
}

TEST(SqliteFile, ADatabaseOfSomebodyElseIsRefusedAndStaysAsItIs) {
  TestFolder folder;
  auto path = folder.file("other.db");
  run_sql(path, "CREATE TABLE mine (id INTEGER)");
  auto opened = SqliteFile::open(path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, path + " is an SQLite file but no store of Dorsal");
  run_sql(path, "INSERT INTO mine VALUES (1)");
}

TEST(SqliteFile, AFileThatIsNoDatabaseIsRefused) {
  TestFolder folder;
  auto path = folder.file("notes.txt");
  std::ofstream(path) << std::string(4096, 'x');
  EXPECT_EQ(SqliteFile::open(path).error().message, path + " is no store of Dorsal");
}

TEST(SqliteFile, AFolderThatIsMissingIsNamed) {
  TestFolder folder;
  auto opened = SqliteFile::open(folder.file("missing/store.db"));
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().message.starts_with("store " + folder.file("missing/store.db") + ": "))
      << opened.error().message;
}

TEST(SqliteFile, ALockedFileIsATimeout) {
  TestFolder folder;
  auto path = folder.file("store.db");
  auto file = *SqliteFile::open(path);
  sqlite3* rival = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &rival), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(rival, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  auto put = file->put("key", "value", Revision(), std::chrono::milliseconds(10));
  EXPECT_EQ(put.error().kind, ErrorKind::Timeout);
  sqlite3_close(rival);
  EXPECT_TRUE(file->put("key", "value", Revision(), kLong));
}

TEST(SqliteFile, MayBeCreatedByManyAtOnce) {
  TestFolder folder;
  auto path = folder.file("store.db");
  std::vector<std::thread> threads;
  std::atomic<int> written = 0;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      auto file = SqliteFile::open(path);
      ASSERT_TRUE(file) << file.error().message;
      if ((*file)->put(std::to_string(i), "", Revision(), kLong)) ++written;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(written, 8);
  EXPECT_EQ((*SqliteFile::open(path))->list("", kLong)->size(), 8u);
}

// Runs in a process of its own: writes for ever, and says each number that was acknowledged.
TEST(SqliteFileChild, DISABLED_WritesUntilItIsKilled) {
  auto path = test_argument("STORE");
  auto file = *SqliteFile::open(path);
  std::ofstream acknowledged(path + ".acknowledged");
  for (std::uint32_t number = 1;; ++number) {
    auto put = file->put(std::to_string(number), std::string(100, 'x'), Revision(), kLong);
    ASSERT_TRUE(put) << put.error().message;
    acknowledged << number << std::endl;
  }
}

// The last whole line; zero before there is one.
std::uint32_t last_acknowledged(const std::string& path) {
  auto text = io::read_file(path + ".acknowledged");
  if (!text) return 0;
  auto end = text->rfind('\n');
  if (end == std::string::npos) return 0;
  auto start = end == 0 ? std::string::npos : text->rfind('\n', end - 1);
  start = start == std::string::npos ? 0 : start + 1;
  return static_cast<std::uint32_t>(std::stoul(text->substr(start, end - start)));
}

void kill_in_the_middle(const std::string& path, std::uint32_t after) {
  TestProcess writer("SqliteFileChild.DISABLED_WritesUntilItIsKilled", "STORE", path);
  while (last_acknowledged(path) < after && writer.is_running()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  writer.kill(SIGKILL);
  EXPECT_EQ(writer.wait().signal, SIGKILL);
}

TEST(SqliteFile, NothingAcknowledgedIsLostByAKill) {
  for (std::uint32_t after : {1u, 17u, 60u}) {
    TestFolder folder;
    auto path = folder.file("store.db");
    kill_in_the_middle(path, after);
    auto last = last_acknowledged(path);
    ASSERT_GE(last, after);
    auto file = SqliteFile::open(path);
    ASSERT_TRUE(file) << file.error().message;
    for (std::uint32_t number = 1; number <= last; ++number) {
      auto entry = (*file)->get(std::to_string(number), kLong);
      ASSERT_TRUE(entry && *entry) << number << " of " << last;
      EXPECT_EQ((*entry)->value.size(), 100u);
    }
  }
}

}  // namespace
}  // namespace dorsal::coord
