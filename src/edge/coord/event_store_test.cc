#include "edge/coord/event_store.h"

#include <gtest/gtest.h>

#include "edge/coord/memory_store.h"
#include "edge/io/scope.h"

namespace dorsal::coord {
namespace {

class EventStoreTest : public ::testing::Test {
 protected:
  void append(std::int64_t at_ms, const std::string& what, const char* by = "node1") {
    cluster::Event event;
    event.at_ms = at_ms;
    event.by = by;
    event.what = what;
    event.term = cluster::Term(3);
    ASSERT_TRUE(io::block_on(loop_, events_.append(event, Deadline::never())));
  }
  std::vector<std::string> read() {
    std::vector<std::string> all;
    auto events = io::block_on(loop_, events_.read(Deadline::never()));
    for (const auto& event : *events) all.push_back(event.what);
    return all;
  }

  io::Loop loop_;
  MemoryStore store_{loop_};
  EventStore events_{store_};
};

TEST_F(EventStoreTest, ReadsInTheOrderOfTheClock) {
  append(1'000, "second");
  append(999, "first");
  append(1'000, "third");
  EXPECT_EQ(read(), (std::vector<std::string>{"first", "second", "third"}));
}

TEST_F(EventStoreTest, KeepsTheNewest) {
  for (int i = 0; i < 10; ++i) append(i, std::to_string(i));
  ASSERT_TRUE(io::block_on(loop_, events_.prune(3, Deadline::never())));
  EXPECT_EQ(read(), (std::vector<std::string>{"7", "8", "9"}));
}

TEST_F(EventStoreTest, KeepsWhatOperatorsDidAmongMuchElse) {
  append(0, "lost", "operator");
  append(1, "kept", "operator");
  for (int i = 2; i < 10; ++i) append(i, std::to_string(i));
  append(10, "newest", "operator");
  ASSERT_TRUE(io::block_on(loop_, events_.prune(2, Deadline::never())));
  EXPECT_EQ(read(), (std::vector<std::string>{"kept", "8", "9", "newest"}));
}

TEST_F(EventStoreTest, PassesOverWhatMakesNoSense) {
  append(1, "sense");
  ASSERT_TRUE(io::block_on(loop_, store_.put("~event/x", "none", Revision(), Deadline::never())));
  EXPECT_EQ(read(), (std::vector<std::string>{"sense"}));
}

}  // namespace
}  // namespace dorsal::coord
