// The promises of every engine, kept by the two that need no server.
#include "edge/coord/coord_store.h"

#include <gtest/gtest.h>

#include "edge/coord/coord_store_testing.h"
#include "edge/coord/memory_store.h"
#include "edge/coord/sqlite_store.h"
#include "edge/coord/test_folder.h"
#include "edge/io/scope.h"

namespace dorsal::coord {
namespace {

struct Memory {
  explicit Memory(io::Loop& loop) : store(loop) {}
  CoordStore& first() { return store; }
  CoordStore& second() { return store; }
  MemoryStore store;
};

// Two connections to one file, as two processes have them.
struct Sqlite {
  explicit Sqlite(io::Loop& loop)
      : one(*SqliteStore::open(loop, folder.file("store.db"))),
        two(*SqliteStore::open(loop, folder.file("store.db"))) {}
  CoordStore& first() { return *one; }
  CoordStore& second() { return *two; }
  TestFolder folder;
  std::unique_ptr<SqliteStore> one;
  std::unique_ptr<SqliteStore> two;
};

using Engines = ::testing::Types<Memory, Sqlite>;
INSTANTIATE_TYPED_TEST_SUITE_P(Engines, CoordStoreContract, Engines);

TEST(MemoryStore, FailsWhenTold) {
  io::Loop loop;
  MemoryStore store(loop);
  store.fail_next(1, unavailable("no store today"));
  auto never = Deadline::never();
  EXPECT_EQ(io::block_on(loop, store.get("key", never)).error().kind, ErrorKind::Unavailable);
  EXPECT_TRUE(io::block_on(loop, store.get("key", never)));
}

TEST(MemoryStore, LosesTheAnswerButNotTheWrite) {
  io::Loop loop;
  MemoryStore store(loop);
  store.lose_next_answers(1);
  auto never = Deadline::never();
  auto put = io::block_on(loop, store.put("key", "value", Revision(), never));
  EXPECT_EQ(put.error().kind, ErrorKind::Timeout);
  EXPECT_EQ((*io::block_on(loop, store.get("key", never)))->value, "value");
}

}  // namespace
}  // namespace dorsal::coord
