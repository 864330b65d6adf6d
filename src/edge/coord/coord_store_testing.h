// What every engine of the coordination store promises, as tests to be run on each of them:
//
//   struct Engine { explicit Engine(io::Loop&); CoordStore& first(); CoordStore& second(); };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, CoordStoreContract, Engine);
//
// Both stores of an Engine show the same entries, of which there are none at first.
#pragma once

#include <gtest/gtest.h>

#include "edge/coord/coord_store.h"
#include "edge/io/scope.h"

namespace dorsal::coord {

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

TYPED_TEST_SUITE_P(CoordStoreContract);

TYPED_TEST_P(CoordStoreContract, AKeyThatWasNeverWrittenIsEmpty) {
  EXPECT_FALSE(this->get("missing")->has_value());
  EXPECT_TRUE(this->list("")->empty());
}

TYPED_TEST_P(CoordStoreContract, WhatWasPutIsRead) {
  std::string bytes("a\0\xff", 3);
  auto revision = this->put("key", bytes, Revision());
  ASSERT_TRUE(revision) << revision.error().message;
  auto entry = this->get("key");
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->value, bytes);
  EXPECT_EQ((*entry)->revision, *revision);
}

TYPED_TEST_P(CoordStoreContract, WhatStandsAsideIsListedOnlyWhenAskedFor) {
  ASSERT_TRUE(this->put("key", "1", Revision()));
  ASSERT_TRUE(this->put("~aside/1", "2", Revision()));
  auto all = this->list("");
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().key, "key");
  auto aside = this->list("~aside/");
  ASSERT_TRUE(aside);
  ASSERT_EQ(aside->size(), 1U);
  EXPECT_EQ(aside->front().value, "2");
}

TYPED_TEST_P(CoordStoreContract, AnEmptyValueIsAValue) {
  ASSERT_TRUE(this->put("key", "", Revision()));
  EXPECT_EQ((*this->get("key"))->value, "");
}

TYPED_TEST_P(CoordStoreContract, PutNeedsTheRevisionThatTheKeyHas) {
  auto first = *this->put("key", "one", Revision());
  EXPECT_EQ(this->put("key", "again", Revision()).error().kind, ErrorKind::Conflict);
  EXPECT_EQ(this->put("other", "x", first).error().kind, ErrorKind::Conflict);
  auto second = this->put("key", "two", first);
  ASSERT_TRUE(second);
  EXPECT_GT(*second, first);
  EXPECT_EQ(this->put("key", "three", first).error().kind, ErrorKind::Conflict);
  EXPECT_EQ((*this->get("key"))->value, "two");
}

TYPED_TEST_P(CoordStoreContract, EraseNeedsTheRevisionThatTheKeyHas) {
  auto first = *this->put("key", "one", Revision());
  auto second = *this->put("key", "two", first);
  EXPECT_EQ(this->erase("key", first).error().kind, ErrorKind::Conflict);
  EXPECT_TRUE(this->erase("key", second));
  EXPECT_FALSE(this->get("key")->has_value());
  EXPECT_TRUE(this->put("key", "new", Revision()));
}

TYPED_TEST_P(CoordStoreContract, ListIsSortedAndKeepsToThePrefix) {
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

TYPED_TEST_P(CoordStoreContract, RevisionsGrowOverAllKeys) {
  auto first = *this->put("a", "", Revision());
  auto second = *this->put("b", "", Revision());
  EXPECT_GT(second, first);
  ASSERT_TRUE(this->erase("b", second));
  EXPECT_GT(*this->changed_since(second, this->soon()), second);
}

TYPED_TEST_P(CoordStoreContract, WaitingForAChangeThatWasBeforeReturnsAtOnce) {
  auto revision = *this->put("key", "", Revision());
  EXPECT_EQ(*this->changed_since(Revision(), this->soon()), revision);
}

TYPED_TEST_P(CoordStoreContract, WaitingEndsAtTheDeadline) {
  auto revision = *this->put("key", "", Revision());
  EXPECT_EQ(this->changed_since(revision, this->at_once()).error().kind, ErrorKind::Timeout);
}

inline io::Task<> put_through(CoordStore& store,
                              std::string key,
                              Revision expected,
                              Deadline deadline,
                              int& won) {
  auto put = co_await store.put(key, "mine", expected, deadline);
  if (put) ++won;
}

TYPED_TEST_P(CoordStoreContract, AWaiterIsWokenByAnotherUsersWrite) {
  auto before = *this->put("key", "", Revision());
  int won = 0;
  io::Scope scope(this->loop_);
  scope.spawn(put_through(this->engine_.second(), "key", before, this->soon(), won));
  auto woken = this->changed_since(before, this->soon());
  ASSERT_TRUE(woken) << woken.error().message;
  EXPECT_GT(*woken, before);
}

TYPED_TEST_P(CoordStoreContract, OfTwoWritersOnOneKeyExactlyOneWins) {
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

REGISTER_TYPED_TEST_SUITE_P(CoordStoreContract,
                            AKeyThatWasNeverWrittenIsEmpty,
                            WhatWasPutIsRead,
                            WhatStandsAsideIsListedOnlyWhenAskedFor,
                            AnEmptyValueIsAValue,
                            PutNeedsTheRevisionThatTheKeyHas,
                            EraseNeedsTheRevisionThatTheKeyHas,
                            ListIsSortedAndKeepsToThePrefix,
                            RevisionsGrowOverAllKeys,
                            WaitingForAChangeThatWasBeforeReturnsAtOnce,
                            WaitingEndsAtTheDeadline,
                            AWaiterIsWokenByAnotherUsersWrite,
                            OfTwoWritersOnOneKeyExactlyOneWins);

}  // namespace dorsal::coord
