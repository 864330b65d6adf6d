// Compression on top of streams of every kind.
#include "edge/io/compression.h"

#include <gtest/gtest.h>

#include <functional>

#include "edge/io/frame_testing.h"
#include "edge/io/scope.h"
#include "edge/io/testing.h"
#include "edge/io/tls.h"

namespace dorsal::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::connected_pair;
using testing::frame;
using testing::packet;
using testing::read_exactly;
using testing::stored_frame;

enum class Transport { Tcp, Unix, Tls };

struct Kind {
  Transport transport;
  Compression algorithm;
};

std::string name_of(const ::testing::TestParamInfo<Kind>& test) {
  constexpr const char* kTransports[] = {"Tcp", "Unix", "Tls"};
  return std::string(kTransports[static_cast<int>(test.param.transport)]) +
         (test.param.algorithm == Compression::Zlib ? "Zlib" : "Zstd");
}

Task<> start_tls(Stream& stream, const TlsContext& context, Deadline deadline) {
  auto started = co_await stream.start_tls_server(context, deadline);
  EXPECT_TRUE(started);
}

void compress(testing::Pair& pair, Compression algorithm) {
  CompressionOptions options;
  options.algorithm = algorithm;
  pair.client.start_compression(options);
  options.is_server = true;
  pair.server.start_compression(options);
}

// One authority for all tests: making keys takes a while under a sanitizer.
class CompressedStream : public ::testing::TestWithParam<Kind> {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::ScratchFolder;
    files_ = new testing::Certificates(folder_->path());
  }
  static void TearDownTestSuite() {
    delete files_;
    delete folder_;
  }

  // Runs the test, a coroutine, on two ends that compress.
  template <class F>
  void on_pair(F test) {
    Loop loop;
    auto pair = block_on(loop, make_pair(loop, GetParam()));
    block_on(loop, test(loop, pair));
  }

  static Task<testing::Pair> make_pair(Loop& loop, Kind kind) {
    auto endpoint = kind.transport == Transport::Unix ? Endpoint::unix_socket(*folder_ / "socket")
                                                      : Endpoint("127.0.0.1", 0);
    auto pair = co_await connected_pair(loop, std::move(endpoint));
    if (kind.transport == Transport::Tls) {
      auto deadline = loop.after(seconds(20));
      auto server = TlsContext::server(files_->certificate, files_->key);
      auto client = TlsContext::client(TlsVerify::None);
      Scope scope(loop);
      scope.spawn(start_tls(pair.server, *server, deadline));
      auto started = co_await pair.client.start_tls_client(*client, "", deadline);
      EXPECT_TRUE(started);
      co_await scope.join();
    }
    compress(pair, kind.algorithm);
    co_return pair;
  }

  static testing::ScratchFolder* folder_;
  static testing::Certificates* files_;
};
testing::ScratchFolder* CompressedStream::folder_ = nullptr;
testing::Certificates* CompressedStream::files_ = nullptr;

INSTANTIATE_TEST_SUITE_P(Every,
                         CompressedStream,
                         ::testing::Values(Kind{Transport::Tcp, Compression::Zlib},
                                           Kind{Transport::Tcp, Compression::Zstd},
                                           Kind{Transport::Unix, Compression::Zlib},
                                           Kind{Transport::Tls, Compression::Zlib},
                                           Kind{Transport::Tls, Compression::Zstd}),
                         name_of);

Task<> echo(Stream& stream, std::size_t size, Deadline deadline) {
  auto got = co_await read_exactly(stream, size, deadline);
  stream.begin_reply();
  std::string_view view = got;
  auto written = co_await stream.write_all2(view.substr(0, 5), view.substr(5), deadline);
  EXPECT_TRUE(written);
}

TEST_P(CompressedStream, CarriesPacketsOfAnySizeBothWays) {
  on_pair([](Loop& loop, testing::Pair& pair) -> Task<> {
    auto deadline = loop.after(seconds(60));
    for (std::size_t size : {1, 60, 5'000, 300'000, 5'000'000}) {
      std::string payload(size, 'x');
      for (std::size_t i = 0; i < size; i += 7) payload[i] = static_cast<char>(i * i >> 3);
      const auto sent = packet(0, payload);
      Scope scope(loop);
      scope.spawn(echo(pair.server, sent.size(), deadline));
      EXPECT_TRUE(co_await pair.client.write_all(sent, deadline));
      auto back = co_await read_exactly(pair.client, sent.size(), deadline);
      EXPECT_TRUE(back == sent) << size;
      co_await scope.join();
    }
    EXPECT_TRUE(pair.client.is_compressed());
  });
}

TEST_P(CompressedStream, WhatHasBeenDecompressedAlreadyIsReadable) {
  on_pair([](Loop& loop, testing::Pair& pair) -> Task<> {
    auto deadline = loop.after(seconds(20));
    const auto sent = packet(0, std::string(1000, 'x'));
    char buffer[100];
    auto nothing = pair.server.try_read(buffer, sizeof buffer);
    EXPECT_TRUE(nothing && *nothing == 0);
    std::string_view bytes = sent;
    EXPECT_TRUE(pair.client.try_write(bytes));
    EXPECT_TRUE(bytes.empty());
    std::string got;
    while (got.size() < sent.size()) {
      EXPECT_TRUE(co_await pair.server.wait_readable(deadline));
      auto count = pair.server.try_read(buffer, sizeof buffer);
      EXPECT_TRUE(count && *count > 0);
      if (!count || *count == 0) co_return;
      got.append(buffer, *count);
    }
    EXPECT_EQ(got, sent);
    nothing = pair.server.try_read(buffer, sizeof buffer);
    EXPECT_TRUE(nothing && *nothing == 0);
  });
}

TEST_P(CompressedStream, EndOfTheStreamComesAfterTheLastPackets) {
  on_pair([](Loop& loop, testing::Pair& pair) -> Task<> {
    const auto sent = packet(0, std::string(1000, 'x'));
    EXPECT_TRUE(co_await pair.client.write_all(sent, Deadline::never()));
    pair.client.close();
    auto got = co_await read_exactly(pair.server, sent.size() + 1, loop.after(seconds(20)));
    EXPECT_EQ(got, sent);
    char buffer[8];
    auto end = co_await pair.server.read_some(buffer, sizeof buffer, loop.after(seconds(20)));
    EXPECT_FALSE(end);
    EXPECT_EQ(end.error().message, "the other side closed the connection");
  });
}

TEST_P(CompressedStream, ReadThatTimesOutLosesNothing) {
  on_pair([](Loop& loop, testing::Pair& pair) -> Task<> {
    char buffer[8];
    auto late = co_await pair.server.read_some(buffer, sizeof buffer, loop.after(milliseconds(5)));
    EXPECT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::Timeout);
    EXPECT_TRUE(co_await pair.client.write_all(packet(0, "x"), Deadline::never()));
    EXPECT_EQ(co_await read_exactly(pair.server, 5, loop.after(seconds(20))), packet(0, "x"));
  });
}

Task<> write(Stream& stream, const std::string& all, Deadline deadline, bool& is_written) {
  auto written = co_await stream.write_all(all, deadline);
  is_written = written.has_value();
}

TEST_P(CompressedStream, WriteWaitsForASlowReader) {
  on_pair([](Loop& loop, testing::Pair& pair) -> Task<> {
    auto deadline = loop.after(seconds(60));
    std::string payload(0xfffffe, '\0');
    std::uint32_t state = 1;
    for (char& byte : payload) byte = static_cast<char>((state = state * 1664525 + 1) >> 24);
    const auto sent = packet(0, payload);
    bool is_written = false;
    Scope scope(loop);
    scope.spawn(write(pair.client, sent, deadline, is_written));
    co_await loop.sleep_until(loop.after(milliseconds(5)));
    EXPECT_FALSE(is_written);
    auto got = co_await read_exactly(pair.server, sent.size(), deadline);
    co_await scope.join();
    EXPECT_TRUE(is_written);
    EXPECT_TRUE(got == sent);
  });
}

TEST_P(CompressedStream, TryWriteLeavesTheRestToWriteAll) {
  on_pair([](Loop& loop, testing::Pair& pair) -> Task<> {
    auto deadline = loop.after(seconds(60));
    const auto sent = packet(0, std::string(1'000'000, 'x'));
    std::string_view left = sent;
    EXPECT_FALSE(pair.client.try_write(left));
    EXPECT_LT(left.size(), sent.size());
    bool is_written = false;
    const std::string rest(left);
    Scope scope(loop);
    scope.spawn(write(pair.client, rest, deadline, is_written));
    auto got = co_await read_exactly(pair.server, sent.size(), deadline);
    co_await scope.join();
    EXPECT_TRUE(is_written);
    EXPECT_TRUE(got == sent);
  });
}

TEST_P(CompressedStream, ReplyGoesOnFromTheNumberOfTheCommand) {
  on_pair([](Loop& loop, testing::Pair& pair) -> Task<> {
    auto deadline = loop.after(seconds(20));
    for (int i = 0; i < 300; ++i) {
      EXPECT_TRUE(co_await pair.client.write_all(packet(0, "command"), deadline));
      EXPECT_EQ((co_await read_exactly(pair.server, 11, deadline)).size(), 11u);
      pair.server.begin_reply();
      EXPECT_TRUE(co_await pair.server.write_all(packet(1, "a"), deadline));
      EXPECT_TRUE(co_await pair.server.write_all(packet(2, "b"), deadline));
      EXPECT_EQ((co_await read_exactly(pair.client, 10, deadline)).size(), 10u);
    }
  });
}

// ---- what does not depend on the transport ----

TEST(StreamCompression, BytesReadBeforeItBeganAreFrames) {
  auto test = [](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    const auto first = packet(0, std::string(100, 'x'));
    const auto early = frame(Compression::Zlib, 0, first);
    CompressionOptions options;
    options.is_server = true;
    pair.server.start_compression(options, early);
    EXPECT_EQ(co_await read_exactly(pair.server, first.size(), loop.after(seconds(20))), first);
  };
  Loop loop;
  block_on(loop, test(loop));
}

TEST(StreamCompression, PartOfAFrameIsNotReadableYet) {
  auto test = [](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    const auto bytes = stored_frame(0, "x");
    CompressionOptions options;
    options.is_server = true;
    pair.server.start_compression(options, std::string_view(bytes).substr(0, 3));
    EXPECT_FALSE(co_await pair.server.wait_readable(loop.after(milliseconds(5))));
    EXPECT_TRUE(co_await pair.client.write_all(bytes.substr(3, 4), Deadline::never()));
    EXPECT_FALSE(co_await pair.server.wait_readable(loop.after(milliseconds(5))));
    EXPECT_TRUE(co_await pair.client.write_all(bytes.substr(7), Deadline::never()));
    EXPECT_TRUE(co_await pair.server.wait_readable(loop.after(seconds(20))));
    EXPECT_EQ(co_await read_exactly(pair.server, 1, loop.after(seconds(20))), "x");
  };
  Loop loop;
  block_on(loop, test(loop));
}

TEST(StreamCompression, UnsoundFrameIsCorruptButAnErrorCanStillBeSent) {
  auto test = [](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    auto deadline = loop.after(seconds(20));
    CompressionOptions options;
    options.is_server = true;
    pair.server.start_compression(options);
    EXPECT_TRUE(co_await pair.client.write_all(stored_frame(5, "x"), deadline));
    char buffer[8];
    for (int i = 0; i < 2; ++i) {
      auto read = co_await pair.server.read_some(buffer, sizeof buffer, deadline);
      EXPECT_FALSE(read);
      EXPECT_EQ(read.error().kind, ErrorKind::Corrupt);
      EXPECT_EQ(read.error().message, "compressed frame 5 came where 0 was expected");
      EXPECT_TRUE(co_await pair.server.wait_readable(deadline));
      EXPECT_FALSE(pair.server.try_read(buffer, sizeof buffer));
    }
    EXPECT_TRUE(co_await pair.server.write_all(packet(1, "err"), deadline));
    auto answer = stored_frame(0, packet(1, "err"));
    EXPECT_EQ(co_await read_exactly(pair.client, answer.size(), deadline), answer);
  };
  Loop loop;
  block_on(loop, test(loop));
}

// A client that sends nothing but empty frames must not keep the loop's other tasks waiting.
TEST(StreamCompression, EmptyFramesLeaveTurnsToOthers) {
  auto test = [](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    std::string frames;
    for (unsigned i = 0; i < 400'000; ++i) frames += stored_frame(i % 256, "");
    frames += stored_frame(400'000 % 256, "x");
    CompressionOptions options;
    options.is_server = true;
    pair.server.start_compression(options);
    bool is_written = false;
    auto deadline = loop.after(seconds(60));
    Scope scope(loop);
    scope.spawn(write(pair.client, frames, deadline, is_written));
    EXPECT_EQ(co_await read_exactly(pair.server, 1, deadline), "x");
    co_await scope.join();
    EXPECT_TRUE(is_written);
  };
  Loop loop;
  block_on(loop, test(loop));
}

TEST(StreamCompression, CompressingLeavesTurnsToOthers) {
  auto test = [](Loop& loop) -> Task<> {
    auto pair = co_await connected_pair(loop);
    compress(pair, Compression::Zlib);
    const auto all = packet(0, std::string(3'000'000, 'x'));
    int turns = 0;
    bool is_written = false;
    std::function<void()> take_turn = [&] {
      ++turns;
      if (!is_written) loop.post(take_turn);
    };
    loop.post(take_turn);
    auto written = co_await pair.client.write_all(all, loop.after(seconds(60)));
    is_written = true;
    co_await loop.sleep_until(loop.after(milliseconds(1)));
    EXPECT_TRUE(written);
    EXPECT_GT(turns, 20);
  };
  Loop loop;
  block_on(loop, test(loop));
}

TEST(StreamCompression, ClosedStreamTakesNone) {
  Stream closed;
  CompressionOptions options;
  closed.start_compression(options);
  closed.begin_reply();
  EXPECT_FALSE(closed.is_compressed());
}

}  // namespace
}  // namespace dorsal::io
