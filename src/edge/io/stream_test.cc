#include "edge/io/stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "edge/io/event.h"
#include "edge/io/scope.h"
#include "edge/io/testing.h"

namespace dorsal::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::connected_pair;
using testing::read_exactly;

// Each test is a coroutine that runs on a loop of its own.
template <class F>
void on_loop(F test) {
  Loop loop;
  block_on(loop, test(loop));
}

TEST(Stream, CarriesBytesBothWays) {
  on_loop([](Loop& loop) -> Task<> {
    auto deadline = loop.after(seconds(20));
    auto pair = co_await connected_pair(loop);
    EXPECT_TRUE(co_await pair.client.write_all("hello", deadline));
    EXPECT_EQ(co_await read_exactly(pair.server, 5, deadline), "hello");
    EXPECT_TRUE(co_await pair.server.write_all2("wor", "ld", deadline));
    EXPECT_EQ(co_await read_exactly(pair.client, 5, deadline), "world");
    EXPECT_EQ(pair.client.peer_address(), "127.0.0.1");
    EXPECT_EQ(pair.client.peer(), "127.0.0.1:" + std::to_string(pair.client.peer_port()));
  });
}

TEST(Stream, TryReadAndTryWriteDoNotWait) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    char buffer[8];
    auto nothing = pair.server.try_read(buffer, sizeof buffer);
    EXPECT_TRUE(nothing && *nothing == 0);
    std::string_view bytes = "now";
    EXPECT_TRUE(pair.client.try_write(bytes));
    EXPECT_TRUE(bytes.empty());
    EXPECT_TRUE(co_await pair.server.wait_readable(loop.after(seconds(20))));
    auto count = pair.server.try_read(buffer, sizeof buffer);
    EXPECT_TRUE(count && *count == 3);
  });
}

TEST(Stream, EndOfStreamIsUnavailable) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    EXPECT_TRUE(co_await pair.client.write_all("bye", Deadline::never()));
    pair.client.close();
    pair.client.close();
    EXPECT_EQ(co_await read_exactly(pair.server, 3, Deadline::never()), "bye");
    char buffer[8];
    auto end = co_await pair.server.read_some(buffer, sizeof buffer, loop.after(seconds(20)));
    EXPECT_FALSE(end);
    EXPECT_EQ(end.error().kind, ErrorKind::Unavailable);
    EXPECT_EQ(end.error().message, "the other side closed the connection");
  });
}

Task<> read_to_the_end(Stream& stream, std::string& out) {
  out = co_await read_exactly(stream, 1000, Deadline::never());
}

// Last bytes and the end of the stream reach a waiting reader together, so epoll reports them once.
// With a reset the kernel gives no hint of the end either: then the watchdog's probe finds it.
Task<> end_with_the_last_bytes(Loop& loop, bool with_reset, Endpoint endpoint) {
  auto pair = co_await connected_pair(loop, std::move(endpoint));
  std::string got;
  Scope scope(loop);
  scope.spawn(read_to_the_end(pair.server, got));
  // The first bytes bring the reader to the state of a drained socket.
  EXPECT_TRUE(co_await pair.client.write_all("first and ", Deadline::never()));
  co_await loop.sleep_until(loop.after(milliseconds(1)));
  std::string_view bytes = "last words";
  EXPECT_TRUE(pair.client.try_write(bytes));
  linger abort{with_reset ? 1 : 0, 0};
  ::setsockopt(pair.client.native_handle(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  pair.client.close();
  co_await scope.join();
  EXPECT_EQ(got, "first and last words");
}

TEST(Stream, EndThatCameWithTheLastBytesIsSeen) {
  on_loop(
      [](Loop& loop) { return end_with_the_last_bytes(loop, false, Endpoint("127.0.0.1", 0)); });
}

TEST(Stream, ResetThatCameWithTheLastBytesIsSeen) {
  on_loop([](Loop& loop) { return end_with_the_last_bytes(loop, true, Endpoint("127.0.0.1", 0)); });
}

TEST(Stream, EndThatCameWithTheLastBytesIsSeenOnAUnixSocket) {
  testing::ScratchFolder folder;
  Loop loop;
  auto endpoint = Endpoint::unix_socket(folder / "socket");
  block_on(loop, end_with_the_last_bytes(loop, false, endpoint));
}

TEST(Stream, CoarseDeadlineIsNoticedWithinItsPrecision) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    char buffer[8];
    auto deadline = loop.after(milliseconds(20));
    auto read = co_await pair.server.read_some(buffer, sizeof buffer, deadline);
    auto late = loop.now() - deadline.when();
    EXPECT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::Timeout);
    EXPECT_GE(late, Duration::zero());
    EXPECT_TRUE(co_await pair.client.write_all("still good", Deadline::never()));
    EXPECT_EQ(co_await read_exactly(pair.server, 10, loop.after(seconds(20))), "still good");
  });
}

TEST(Stream, ExactDeadlinesBeatTheTick) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    char buffer[8];
    auto best = Duration::max();
    // The best of a few: a busy machine may be late, but never early.
    for (int i = 0; i < 20; ++i) {
      auto deadline = loop.after(milliseconds(2));
      auto read = co_await pair.server.read_some(buffer, sizeof buffer, deadline, Precision::Exact);
      EXPECT_FALSE(read);
      auto late = loop.now() - deadline.when();
      EXPECT_GE(late, Duration::zero());
      best = std::min(best, late);
    }
    EXPECT_LT(best, milliseconds(20));
  });
}

Task<> read_until_failure(Stream& stream, Deadline deadline, Error& error) {
  char buffer[8];
  auto read = co_await stream.read_some(buffer, sizeof buffer, deadline);
  while (read) read = co_await stream.read_some(buffer, sizeof buffer, deadline);
  error = read.error();
}

TEST(Stream, DeadlinesOfManyStreamsAreKept) {
  on_loop([](Loop& loop) -> Task<> {
    constexpr int kStreams = 50;
    std::vector<testing::Pair> pairs;
    std::vector<Error> errors(kStreams);
    Scope scope(loop);
    for (int i = 0; i < kStreams; ++i) {
      auto pair = co_await connected_pair(loop);
      pairs.push_back(std::move(pair));
    }
    auto begun = loop.now();
    for (int i = 0; i < kStreams; ++i) {
      auto deadline = loop.after(i % 2 == 0 ? milliseconds(i) : milliseconds(2100));
      auto index = static_cast<std::size_t>(i);
      scope.spawn(read_until_failure(pairs[index].server, deadline, errors[index]));
    }
    co_await scope.join();
    EXPECT_GE(loop.now() - begun, milliseconds(2100));
    for (const auto& error : errors) EXPECT_EQ(error.kind, ErrorKind::Timeout);
  });
}

TEST(Stream, CloseEndsAReadUnderWay) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    Error error;
    Scope scope(loop);
    scope.spawn(read_until_failure(pair.server, Deadline::never(), error));
    co_await loop.sleep_until(loop.after(milliseconds(1)));
    pair.server.close();
    co_await scope.join();
    EXPECT_EQ(error.kind, ErrorKind::Unavailable);
    EXPECT_EQ(error.message, "the connection is closed");
    EXPECT_FALSE(co_await pair.server.write_all("x", Deadline::never()));
  });
}

TEST(Stream, CancelledReadAndAllLaterOperationsSayCancelled) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    Error first;
    Error later;
    auto task = [](Stream& stream, Error& one, Error& two) -> Task<> {
      co_await read_until_failure(stream, Deadline::never(), one);
      auto written = co_await stream.write_all("x", Deadline::never());
      two = written.error();
    };
    Scope scope(loop);
    scope.spawn(task(pair.server, first, later));
    co_await loop.sleep_until(loop.after(milliseconds(1)));
    co_await scope.cancel_and_join();
    EXPECT_EQ(first.message, "cancelled");
    EXPECT_EQ(later.message, "cancelled");
  });
}

TEST(Stream, MovesWhileAReadIsUnderWay) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    std::string got;
    auto task = [](Stream& stream, std::string& out) -> Task<> {
      out = co_await read_exactly(stream, 2, Deadline::never());
    };
    Scope scope(loop);
    scope.spawn(task(pair.server, got));
    co_await loop.sleep_until(loop.after(milliseconds(1)));
    Stream moved = std::move(pair.server);
    EXPECT_TRUE(co_await pair.client.write_all("ok", Deadline::never()));
    co_await loop.sleep_until(loop.after(milliseconds(1)));
    pair.server = std::move(moved);
    co_await scope.join();
    EXPECT_EQ(got, "ok");
  });
}

// A writer whose reader is slow waits; it neither fails nor piles up bytes.
TEST(Stream, WriteWaitsForASlowReader) {
  on_loop([](Loop& loop) -> Task<> {
    constexpr std::size_t kSize = std::size_t{16} << 20;
    auto deadline = loop.after(seconds(60));
    auto pair = co_await connected_pair(loop);
    std::string bytes(kSize, 'x');
    bool is_written = false;
    auto write = [](Stream& stream, const std::string& all, Deadline limit, bool& out) -> Task<> {
      auto half = all.size() / 2;
      std::string_view view = all;
      auto written = co_await stream.write_all2(view.substr(0, half), view.substr(half), limit);
      out = written.has_value();
    };
    Scope scope(loop);
    scope.spawn(write(pair.client, bytes, deadline, is_written));
    co_await loop.sleep_until(loop.after(milliseconds(5)));
    EXPECT_FALSE(is_written);
    auto got = co_await read_exactly(pair.server, kSize, deadline);
    co_await scope.join();
    EXPECT_TRUE(is_written);
    EXPECT_EQ(got, bytes);
  });
}

TEST(Stream, WriteThatNobodyReadsTimesOut) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    std::string bytes(std::size_t{16} << 20, 'x');
    auto written = co_await pair.client.write_all(bytes, loop.after(milliseconds(30)));
    EXPECT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::Timeout);
  });
}

TEST(Stream, PeerThatGoesInTheMiddleOfAWriteIsUnavailable) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    std::string bytes(std::size_t{16} << 20, 'x');
    bool is_written = true;
    Error error;
    auto write = [](Stream& stream, const std::string& all, bool& ok, Error& out) -> Task<> {
      auto written = co_await stream.write_all(all, Deadline::never());
      ok = written.has_value();
      if (!ok) out = written.error();
    };
    Scope scope(loop);
    scope.spawn(write(pair.client, bytes, is_written, error));
    EXPECT_EQ((co_await read_exactly(pair.server, 1000, Deadline::never())).size(), 1000u);
    pair.server.close();
    co_await scope.join();
    EXPECT_FALSE(is_written);
    EXPECT_EQ(error.kind, ErrorKind::Unavailable);
  });
}

// A sender that is always ahead of the reader must not keep the loop's other tasks waiting.
TEST(Stream, BusyReaderLeavesTurnsToOthers) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    std::string bytes(4096, 'x');
    std::string_view left = bytes;
    EXPECT_TRUE(pair.client.try_write(left));
    EXPECT_TRUE(co_await pair.server.wait_readable(Deadline::never()));
    int turns = 0;
    int reads_when_posted = 0;
    int reads = 0;
    loop.post([&] {
      ++turns;
      reads_when_posted = reads;
    });
    char byte;
    for (; reads < 4096; ++reads) {
      auto read = co_await pair.server.read_some(&byte, 1, Deadline::never());
      EXPECT_TRUE(read);
    }
    EXPECT_EQ(turns, 1);
    EXPECT_LT(reads_when_posted, 100);
  });
}

TEST(Stream, HalfClosedStreamStillReads) {
  on_loop([](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    pair.client.shutdown_write();
    char buffer[8];
    EXPECT_FALSE(co_await pair.server.read_some(buffer, sizeof buffer, loop.after(seconds(20))));
    EXPECT_TRUE(co_await pair.server.write_all("answer", Deadline::never()));
    EXPECT_EQ(co_await read_exactly(pair.client, 6, Deadline::never()), "answer");
  });
}

TEST(Stream, WorksOverAUnixSocket) {
  on_loop([](Loop& loop) -> Task<> {
    testing::ScratchFolder folder;
    auto endpoint = Endpoint::unix_socket(folder / "socket");
    auto pair = co_await connected_pair(loop, endpoint);
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(co_await pair.client.write_all("ping", Deadline::never()));
      EXPECT_EQ(co_await read_exactly(pair.server, 4, Deadline::never()), "ping");
    }
    EXPECT_EQ(pair.server.peer(), "unix socket");
    pair.client.close();
    char buffer[8];
    EXPECT_FALSE(co_await pair.server.read_some(buffer, sizeof buffer, loop.after(seconds(20))));
  });
}

TEST(Stream, ClosedStreamFailsEverything) {
  on_loop([](Loop&) -> Task<> {
    Stream closed;
    char buffer[8];
    std::string_view bytes = "x";
    EXPECT_FALSE(closed.is_open());
    EXPECT_FALSE(closed.try_write(bytes));
    EXPECT_FALSE(closed.try_read(buffer, sizeof buffer));
    EXPECT_FALSE(co_await closed.read_some(buffer, sizeof buffer, Deadline::never()));
    EXPECT_FALSE(co_await closed.write_all("x", Deadline::never()));
    EXPECT_FALSE(co_await closed.wait_readable(Deadline::never()));
  });
}

}  // namespace
}  // namespace dorsal::io
