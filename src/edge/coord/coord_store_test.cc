// What every engine of the coordination store promises, run on each of them.
#include "edge/coord/coord_store.h"

#include <gtest/gtest.h>

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

template <class Engine>
class CoordStoreContract : public ::testing::Test {
 protected:
  Deadline soon() { return loop_.after(std::chrono::seconds(20)); }
  Deadline at_once() { return loop_.after(std::chrono::milliseconds(1)); }

  Result<std::optional<Entry>> get(const std::string& key) {
    return io::block_on(loop_, engine_.first().get(key, soon()));
  }
  Result<std::vector<Entry>> list(const std::string& prefix) {
    return io::block_on(loop_, engine_.first().list(prefix, soon()));
  }
  Result<Revision> put(const std::string& key, const std::string& value, Revision expected) {
    return io::block_on(loop_, engine_.first().put(key, value, expected, soon()));
  }
  Result<void> erase(const std::string& key, Revision expected) {
    return io::block_on(loop_, engine_.first().erase(key, expected, soon()));
  }
  Result<Revision> changed_since(Revision seen, Deadline deadline) {
    return io::block_on(loop_, engine_.first().changed_since(seen, deadline));
  }

  io::Loop loop_;
  Engine engine_{loop_};
};

using Engines = ::testing::Types<Memory, Sqlite>;
TYPED_TEST_SUITE(CoordStoreContract, Engines);

TYPED_TEST(CoordStoreContract, AKeyThatWasNeverWrittenIsEmpty) {
  EXPECT_FALSE(this->get("missing")->has_value());
  EXPECT_TRUE(this->list("")->empty());
}

TYPED_TEST(CoordStoreContract, WhatWasPutIsRead) {
  std::string bytes("a\0\xff", 3);
  auto revision = this->put("key", bytes, Revision());
  ASSERT_TRUE(revision) << revision.error().message;
  auto entry = this->get("key");
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->value, bytes);
  EXPECT_EQ((*entry)->revision, *revision);
}

TYPED_TEST(CoordStoreContract, AnEmptyValueIsAValue) {
  ASSERT_TRUE(this->put("key", "", Revision()));
  EXPECT_EQ((*this->get("key"))->value, "");
}

TYPED_TEST(CoordStoreContract, PutNeedsTheRevisionThatTheKeyHas) {
  auto first = *this->put("key", "one", Revision());
  EXPECT_EQ(this->put("key", "again", Revision()).error().kind, ErrorKind::Conflict);
  EXPECT_EQ(this->put("other", "x", first).error().kind, ErrorKind::Conflict);
  auto second = this->put("key", "two", first);
  ASSERT_TRUE(second);
  EXPECT_GT(*second, first);
  EXPECT_EQ(this->put("key", "three", first).error().kind, ErrorKind::Conflict);
  EXPECT_EQ((*this->get("key"))->value, "two");
}

TYPED_TEST(CoordStoreContract, EraseNeedsTheRevisionThatTheKeyHas) {
  auto first = *this->put("key", "one", Revision());
  auto second = *this->put("key", "two", first);
  EXPECT_EQ(this->erase("key", first).error().kind, ErrorKind::Conflict);
  EXPECT_TRUE(this->erase("key", second));
  EXPECT_FALSE(this->get("key")->has_value());
  EXPECT_TRUE(this->put("key", "new", Revision()));
}

TYPED_TEST(CoordStoreContract, ListIsSortedAndKeepsToThePrefix) {
  for (const char* key : {"b/2", "b/1", "b", "a/1", "b0", "c"}) {
    ASSERT_TRUE(this->put(key, key, Revision()));
  }
  auto listed = this->list("b/");
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ((*listed)[0].key, "b/1");
  EXPECT_EQ((*listed)[1].key, "b/2");
  EXPECT_EQ(this->list("")->size(), 6u);
}

TYPED_TEST(CoordStoreContract, RevisionsGrowOverAllKeys) {
  auto first = *this->put("a", "", Revision());
  auto second = *this->put("b", "", Revision());
  EXPECT_GT(second, first);
  ASSERT_TRUE(this->erase("b", second));
  EXPECT_GT(*this->changed_since(second, this->soon()), second);
}

TYPED_TEST(CoordStoreContract, WaitingForAChangeThatWasBeforeReturnsAtOnce) {
  auto revision = *this->put("key", "", Revision());
  EXPECT_EQ(*this->changed_since(Revision(), this->soon()), revision);
}

TYPED_TEST(CoordStoreContract, WaitingEndsAtTheDeadline) {
  auto revision = *this->put("key", "", Revision());
  EXPECT_EQ(this->changed_since(revision, this->at_once()).error().kind, ErrorKind::Timeout);
}

io::Task<> put_through(CoordStore& store,
                       std::string key,
                       Revision expected,
                       Deadline deadline,
                       int& won) {
  auto put = co_await store.put(key, "mine", expected, deadline);
  if (put) ++won;
}

TYPED_TEST(CoordStoreContract, AWaiterIsWokenByAnotherUsersWrite) {
  auto before = *this->put("key", "", Revision());
  int won = 0;
  io::Scope scope(this->loop_);
  scope.spawn(put_through(this->engine_.second(), "key", before, this->soon(), won));
  auto woken = this->changed_since(before, this->soon());
  ASSERT_TRUE(woken) << woken.error().message;
  EXPECT_GT(*woken, before);
}

TYPED_TEST(CoordStoreContract, OfTwoWritersOnOneKeyExactlyOneWins) {
  Revision current;
  for (int round = 0; round < 20; ++round) {
    int won = 0;
    io::Scope scope(this->loop_);
    scope.spawn(put_through(this->engine_.first(), "key", current, this->soon(), won));
    scope.spawn(put_through(this->engine_.second(), "key", current, this->soon(), won));
    io::block_on(this->loop_, scope.join());
    ASSERT_EQ(won, 1) << "round " << round;
    current = (*this->get("key"))->revision;
  }
}

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
