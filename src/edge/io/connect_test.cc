#include "edge/io/connect.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "edge/io/port_holder.h"
#include "edge/io/scope.h"
#include "edge/io/testing.h"

namespace dorsal::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Task<std::string> failure_of(Loop& loop, Endpoint endpoint, Deadline deadline) {
  auto stream = co_await connect(loop, std::move(endpoint), deadline);
  if (stream) co_return "connected";
  co_return std::string(to_string(stream.error().kind)) + ": " + stream.error().message;
}

TEST(Connect, RefusalIsASentence) {
  Loop loop;
  auto port = testing::free_port(loop);
  auto text =
      block_on(loop, failure_of(loop, Endpoint("127.0.0.1", port), loop.after(seconds(20))));
  EXPECT_EQ(text,
            std::string(to_string(ErrorKind::Unavailable)) +
                ": cannot connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST(Connect, LocalhostNeedsNoLookUp) {
  Loop loop;
  auto listener = Listener::open(loop, Endpoint("127.0.0.1", 0));
  ASSERT_TRUE(listener);
  Endpoint endpoint("localhost", listener->local_endpoint().port);
  EXPECT_EQ(block_on(loop, failure_of(loop, endpoint, loop.after(seconds(20)))), "connected");
}

TEST(Connect, UnknownNameIsUnavailable) {
  Loop loop;
  auto text =
      block_on(loop,
               failure_of(loop, Endpoint("no-such-host.invalid", 1), loop.after(seconds(20))));
  EXPECT_NE(text.find("cannot connect to no-such-host.invalid:1: "), std::string::npos) << text;
}

TEST(Connect, LookUpEndsWithTheDeadlineOrTheTask) {
  Loop loop;
  auto text = block_on(loop, failure_of(loop, Endpoint("no-such-host.invalid", 1), loop.after({})));
  EXPECT_NE(text, "connected");
  auto ignore = [](Loop& on) -> Task<> {
    EXPECT_FALSE(co_await connect(on, Endpoint("no-such-host.invalid", 1), Deadline::never()));
  };
  Scope scope(loop);
  scope.spawn(ignore(loop));
  loop.context().poll();
}

TEST(Connect, MissingUnixSocketIsUnavailable) {
  Loop loop;
  testing::ScratchFolder folder;
  auto endpoint = Endpoint::unix_socket(folder / "none");
  auto text = block_on(loop, failure_of(loop, endpoint, loop.after(seconds(20))));
  EXPECT_NE(text.find("No such file or directory"), std::string::npos) << text;
  auto too_long = Endpoint::unix_socket(std::string(200, 'x'));
  text = block_on(loop, failure_of(loop, too_long, loop.after(seconds(20))));
  EXPECT_TRUE(text.starts_with(to_string(ErrorKind::Invalid))) << text;
}

// The queue of a listener that never accepts fills up; after that nobody gets an answer.
Task<> fill_queue(Loop& loop, Endpoint endpoint, ErrorKind& kind) {
  std::vector<Stream> streams;
  for (int i = 0; i < 20; ++i) {
    auto stream = co_await connect(loop, endpoint, loop.after(milliseconds(100)));
    if (stream) {
      streams.push_back(*std::move(stream));
      continue;
    }
    kind = stream.error().kind;
    co_return;
  }
}

TEST(Connect, SilentServerTimesOut) {
  Loop loop;
  ListenOptions options;
  options.backlog = 0;
  auto listener = Listener::open(loop, Endpoint("127.0.0.1", 0), options);
  auto kind = ErrorKind::Invalid;
  block_on(loop, fill_queue(loop, listener->local_endpoint(), kind));
  EXPECT_EQ(kind, ErrorKind::Timeout);
}

TEST(Connect, FullQueueOfAUnixSocketTimesOut) {
  Loop loop;
  testing::ScratchFolder folder;
  ListenOptions options;
  options.backlog = 0;
  auto listener = Listener::open(loop, Endpoint::unix_socket(folder / "socket"), options);
  auto kind = ErrorKind::Invalid;
  block_on(loop, fill_queue(loop, listener->local_endpoint(), kind));
  EXPECT_EQ(kind, ErrorKind::Timeout);
}

std::string own_name() {
  auto name = *read_file("/proc/self/comm");
  name.pop_back();
  return name + " (pid " + std::to_string(::getpid()) + ")";
}

TEST(Listener, PortInUseNamesTheProcess) {
  Loop loop;
  auto first = Listener::open(loop, Endpoint("127.0.0.1", 0));
  ASSERT_TRUE(first);
  auto port = first->local_endpoint().port;
  auto second = Listener::open(loop, Endpoint("127.0.0.1", port));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::Conflict);
  EXPECT_EQ(second.error().message, "port " + std::to_string(port) + " is in use by " + own_name());
  for (const char* host : {"127.0.0.1", "0.0.0.0", "::", "", "localhost", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(process_listening_on({host, port}), own_name()) << host;
  }
  for (const char* host : {"127.0.0.2", "::1"}) {
    EXPECT_EQ(process_listening_on({host, port}), std::nullopt) << host;
  }
  first->close();
  EXPECT_EQ(process_listening_on({"127.0.0.1", port}), std::nullopt);
}

TEST(Listener, SharesAPortWhenAsked) {
  Loop loop;
  ListenOptions options;
  options.reuse_port = true;
  auto first = Listener::open(loop, Endpoint("127.0.0.1", 0), options);
  ASSERT_TRUE(first);
  EXPECT_TRUE(Listener::open(loop, first->local_endpoint(), options));
}

TEST(Listener, EmptyHostTakesIpv4AsWell) {
  Loop loop;
  auto listener = Listener::open(loop, Endpoint("", 0));
  ASSERT_TRUE(listener);
  auto test = [](Loop& on, Listener& both) -> Task<std::string> {
    Endpoint endpoint("127.0.0.1", both.local_endpoint().port);
    auto client = co_await connect(on, endpoint, on.after(seconds(20)));
    auto server = co_await both.accept(on.after(seconds(20)));
    co_return server ? server->peer_address() : server.error().message;
  };
  EXPECT_EQ(block_on(loop, test(loop, *listener)), "127.0.0.1");
}

TEST(Listener, ReplacesTheSocketOfADeadProcessOnly) {
  Loop loop;
  testing::ScratchFolder folder;
  auto endpoint = Endpoint::unix_socket(folder / "socket");
  {
    auto listener = Listener::open(loop, endpoint);
    ASSERT_TRUE(listener);
    auto second = Listener::open(loop, endpoint);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::Conflict);
    ASSERT_EQ(::rename(endpoint.unix_path.c_str(), (folder / "left").c_str()), 0);
  }
  ASSERT_EQ(::rename((folder / "left").c_str(), endpoint.unix_path.c_str()), 0);
  EXPECT_TRUE(Listener::open(loop, endpoint));
  EXPECT_FALSE(exists(endpoint.unix_path));
}

TEST(Listener, AcceptTimesOut) {
  Loop loop;
  auto test = [](Loop& on) -> Task<> {
    auto listener = Listener::open(on, Endpoint("127.0.0.1", 0));
    auto nobody = co_await listener->accept(on.after(milliseconds(5)));
    EXPECT_FALSE(nobody);
    EXPECT_EQ(nobody.error().kind, ErrorKind::Timeout);
  };
  block_on(loop, test(loop));
}

Task<> accept_until_failure(Listener& listener, std::vector<Stream>& streams, Error& error) {
  while (true) {
    auto stream = co_await listener.accept(Deadline::never());
    if (!stream) {
      error = stream.error();
      co_return;
    }
    streams.push_back(*std::move(stream));
  }
}

TEST(Listener, CloseAndCancellationEndAnAccept) {
  Loop loop;
  auto test = [](Loop& on) -> Task<> {
    auto listener = Listener::open(on, Endpoint("127.0.0.1", 0));
    std::vector<Stream> streams;
    Error cancelled;
    Scope first(on);
    first.spawn(accept_until_failure(*listener, streams, cancelled));
    co_await on.sleep_until(on.after(milliseconds(1)));
    co_await first.cancel_and_join();
    EXPECT_EQ(cancelled.message, "cancelled");
    Error closed;
    Scope second(on);
    second.spawn(accept_until_failure(*listener, streams, closed));
    co_await on.sleep_until(on.after(milliseconds(1)));
    listener->close();
    co_await second.join();
    EXPECT_EQ(closed.kind, ErrorKind::Unavailable);
  };
  block_on(loop, test(loop));
}

// Holds every file descriptor that the process may still open.
std::vector<int> take_all_descriptors() {
  std::vector<int> taken;
  for (int one = ::dup(0); one >= 0; one = ::dup(0)) taken.push_back(one);
  return taken;
}

TEST(Listener, SurvivesRunningOutOfDescriptors) {
  Loop loop;
  auto test = [](Loop& on) -> Task<> {
    auto listener = Listener::open(on, Endpoint("127.0.0.1", 0));
    auto client = co_await connect(on, listener->local_endpoint(), on.after(seconds(20)));
    EXPECT_TRUE(client);
    auto first = co_await listener->accept(on.after(seconds(20)));
    EXPECT_TRUE(first);
    // The undefined-behaviour sanitizer opens a pipe when it meets a class for the first time, so
    // it meets now what accept() needs later.
    EXPECT_FALSE(co_await listener->accept(on.after(milliseconds(60))));
    co_await on.sleep_until(on.after(milliseconds(1)));
    auto waiting = co_await connect(on, listener->local_endpoint(), on.after(seconds(20)));
    EXPECT_TRUE(waiting);
    auto taken = take_all_descriptors();
    auto none = co_await listener->accept(on.after(milliseconds(50)));
    EXPECT_FALSE(none);
    EXPECT_GT(listener->accept_failures(), 0u);
    for (int one : taken) ::close(one);
    EXPECT_TRUE(co_await listener->accept(on.after(seconds(20))));
  };
  block_on(loop, test(loop));
}

}  // namespace
}  // namespace dorsal::io
