#include "edge/io/frame_numbers.h"

#include <gtest/gtest.h>

#include <vector>

#include "edge/io/frame_codec.h"
#include "edge/io/frame_testing.h"

namespace dorsal::io {
namespace {

using testing::packet;
using testing::stored_frame;

// One side, and what it makes of the other's frames. Everything here is short enough to be stored
// as it is, so that the bytes can be read.
class Side {
 public:
  explicit Side(bool is_server) : codec_(compressors_, options(is_server)) {}

  // What is read out of frames with these bytes; ends with ! when one is refused.
  std::string read(std::string_view bytes) {
    codec_.feed(bytes);
    std::string text;
    char buffer[256];
    for (;;) {
      auto count = codec_.read(buffer, sizeof buffer);
      if (!count) return text + "!";
      if (*count == 0) return text;
      text.append(buffer, *count);
    }
  }

  // One read() of it.
  std::string read_once(std::string_view bytes = {}) {
    codec_.feed(bytes);
    char buffer[256];
    auto count = codec_.read(buffer, sizeof buffer);
    return count ? std::string(buffer, *count) : "!";
  }

  std::string write(std::string_view packets) {
    codec_.write(packets);
    std::string output(codec_.output());
    codec_.sent(output.size());
    return output;
  }

  void begin_reply() { codec_.begin_reply(); }

 private:
  static CompressionOptions options(bool is_server) {
    CompressionOptions options;
    options.is_server = is_server;
    return options;
  }

  Compressors compressors_;
  FrameCodec codec_;
};

// ---- the server's side ----

struct Server : Side {
  Server() : Side(true) {}

  // A command of one frame is read, and its reply of one frame sent.
  void exchange() {
    EXPECT_EQ(read(stored_frame(0, packet(0, "ping"))), packet(0, "ping"));
    begin_reply();
    EXPECT_EQ(write(packet(1, "ok")), stored_frame(1, packet(1, "ok")));
  }
};

TEST(FrameNumbersOfAServer, BeginAnewWithEachCommand) {
  Server server;
  for (int i = 0; i < 3; ++i) server.exchange();
}

TEST(FrameNumbersOfAServer, ReplyGoesOnFromTheCommandsLastFrame) {
  Server server;
  const auto command = packet(0, "in three");
  EXPECT_EQ(server.read(stored_frame(0, command.substr(0, 2)) +
                        stored_frame(1, command.substr(2, 1)) + stored_frame(2, command.substr(3))),
            command);
  server.begin_reply();
  EXPECT_EQ(server.write(packet(1, "a")), stored_frame(3, packet(1, "a")));
  EXPECT_EQ(server.write(packet(2, "b")), stored_frame(4, packet(2, "b")));
  server.exchange();
}

TEST(FrameNumbersOfAServer, WrapAt256) {
  Server server;
  server.exchange();
  EXPECT_EQ(server.read(stored_frame(0, packet(0, "x"))), packet(0, "x"));
  server.begin_reply();
  for (unsigned i = 1; i < 600; ++i) {
    ASSERT_EQ(server.write("y"), stored_frame(i % 256, "y"));
  }
}

TEST(FrameNumbersOfAServer, WrongOnesAreRefused) {
  struct Case {
    const char* what;
    std::string frames;
  };
  const auto command = packet(0, "command");
  const Case cases[] = {
      {"a command that begins with 1", stored_frame(1, command)},
      {"a command that begins with 255", stored_frame(255, command)},
      {"a command that goes on after the reply", stored_frame(2, command)},
      {"a second frame with the first's number",
       stored_frame(0, command.substr(0, 5)) + stored_frame(0, command.substr(5))},
      {"a missing frame",
       stored_frame(0, command.substr(0, 5)) + stored_frame(2, command.substr(5))},
  };
  for (const auto& one : cases) {
    Server fresh;
    EXPECT_EQ(fresh.read(one.frames).back(), '!') << one.what;
    Server used;
    used.exchange();
    auto got = used.read(one.frames);
    const bool is_refused = got.back() == '!' || got.at(3) != 0;
    EXPECT_TRUE(is_refused) << one.what;
  }
}

TEST(FrameNumbersOfAServer, PacketsAreNumberedAnewWhateverTheClientWrites) {
  Server server;
  EXPECT_EQ(server.read(stored_frame(0, packet(77, "c"))), packet(0, "c"));
  server.begin_reply();
  server.write(packet(1, "a"));
  EXPECT_EQ(server.read(stored_frame(0, packet(9, "c"))), packet(0, "c"));
}

// The first packet of a large command is full; MariaDB's C client numbers all of them 0.
TEST(FrameNumbersOfAServer, PacketsOfALargeCommandAreCountedOn) {
  Compressors compressors;
  CompressionOptions options;
  options.is_server = true;
  FrameCodec server(compressors, options);
  const std::string full = testing::u24(0xffffff) + '\0' + std::string(0xffffff, 'x');
  const auto all = full + full + packet(0, "end");
  std::string got;
  std::string buffer(1 << 16, '\0');
  unsigned number = 0;
  for (std::size_t at = 0; at < all.size(); at += 0xfffff0) {
    server.feed(testing::frame(Compression::Zlib, number++, all.substr(at, 0xfffff0)));
    for (;;) {
      auto count = server.read(buffer.data(), buffer.size());
      ASSERT_TRUE(count);
      if (*count == 0) break;
      got.append(buffer, 0, *count);
    }
  }
  ASSERT_EQ(got.size(), all.size());
  EXPECT_EQ(got[3], 0);
  EXPECT_EQ(got[full.size() + 3], 1);
  EXPECT_EQ(got.substr(2 * full.size()), packet(2, "end"));
  server.begin_reply();
  server.write(packet(3, "ok"));
  EXPECT_EQ(server.output(), stored_frame(number, packet(3, "ok")));
}

// LOAD DATA LOCAL. Behind other results the client's packets go on from the frame's number, the
// server's from the packets'.
TEST(FrameNumbersOfAServer, FileOfTheClientGoesOnAfterTheRequestForIt) {
  Server server;
  EXPECT_EQ(server.read(stored_frame(0, packet(0, "load"))), packet(0, "load"));
  server.begin_reply();
  EXPECT_EQ(server.write(packet(1, "1") + packet(2, "2") + packet(3, "result")),
            stored_frame(1, packet(1, "1") + packet(2, "2") + packet(3, "result")));
  EXPECT_EQ(server.write(packet(4, "\xfb")), stored_frame(2, packet(4, "\xfb")));
  EXPECT_EQ(server.read(stored_frame(3, packet(3, "f1") + packet(4, "f2"))),
            packet(5, "f1") + packet(6, "f2"));
  EXPECT_EQ(server.read(stored_frame(4, packet(5, "f3") + packet(6, ""))),
            packet(7, "f3") + packet(8, ""));
  EXPECT_EQ(server.write(packet(9, "ok")), stored_frame(5, packet(9, "ok")));
  server.exchange();
}

TEST(FrameNumbersOfAServer, FileOfAnyLengthStaysOneExchange) {
  Server server;
  EXPECT_EQ(server.read(stored_frame(0, packet(0, "load"))), packet(0, "load"));
  server.begin_reply();
  EXPECT_EQ(server.write(packet(1, "\xfb")), stored_frame(1, packet(1, "\xfb")));
  for (unsigned i = 2; i < 700; ++i) {
    ASSERT_EQ(server.read(stored_frame(i % 256, packet(i % 256, "line"))), packet(i % 256, "line"));
  }
  EXPECT_EQ(server.read(stored_frame(700 % 256, packet(700 % 256, ""))), packet(700 % 256, ""));
  EXPECT_EQ(server.write(packet(701 % 256, "ok")),
            stored_frame(701 % 256, packet(701 % 256, "ok")));
  server.exchange();
}

TEST(FrameNumbersOfAServer, CommandsWithoutAReplyAreFollowedByAnother) {
  Server server;
  EXPECT_EQ(server.read(stored_frame(0, packet(0, "close"))), packet(0, "close"));
  server.begin_reply();
  server.exchange();
}

// Each in frames of its own, as a server needs it.
TEST(FrameNumbersOfAServer, CommandsThatWereSentAtOnceAreAnsweredInTurn) {
  Server server;
  const auto large = packet(0, "large");
  const auto all = stored_frame(0, large.substr(0, 4)) + stored_frame(1, large.substr(4, 2)) +
                   stored_frame(2, large.substr(6)) + stored_frame(0, packet(0, "b")) +
                   stored_frame(0, packet(0, "c"));
  std::string got = server.read_once(all);
  while (got.size() < large.size()) got += server.read_once();
  EXPECT_EQ(got, large) << "a read gives no more than what one frame holds";
  server.begin_reply();
  EXPECT_EQ(server.write(packet(1, "1")), stored_frame(3, packet(1, "1")));
  EXPECT_EQ(server.read_once(), packet(0, "b"));
  server.begin_reply();
  EXPECT_EQ(server.write(packet(1, "2")), stored_frame(1, packet(1, "2")));
  EXPECT_EQ(server.read_once(), packet(0, "c"));
  server.begin_reply();
  EXPECT_EQ(server.write(packet(1, "3")), stored_frame(1, packet(1, "3")));
}

// Whoever waits for a reply may look whether the client is still there, and read what it finds.
TEST(FrameNumbersOfAServer, ReadingAheadDoesNotDisturbTheReplyUnderWay) {
  Server server;
  EXPECT_EQ(server.read(stored_frame(0, "\3") + stored_frame(1, std::string("\0\0\0abc", 6))),
            packet(0, "abc"));
  server.begin_reply();
  EXPECT_EQ(server.read(stored_frame(0, packet(0, "next"))), packet(0, "next"));
  EXPECT_EQ(server.write(packet(1, "1")), stored_frame(2, packet(1, "1")));
  EXPECT_EQ(server.read(stored_frame(0, packet(0, "third").substr(0, 6))),
            packet(0, "third").substr(0, 6));
  EXPECT_EQ(server.write(packet(2, "2")), stored_frame(3, packet(2, "2")));
  EXPECT_EQ(server.read(stored_frame(1, packet(0, "third").substr(6))), "ird");
  EXPECT_EQ(server.write(packet(3, "3")), stored_frame(4, packet(3, "3")));
}

TEST(FrameNumbersOfAServer, SeveralCommandsInOneFrameAreAllRead) {
  Server server;
  server.exchange();
  EXPECT_EQ(
      server.read(stored_frame(0, packet(0, "a") + packet(0, "b") + packet(0, "c").substr(0, 2))),
      packet(0, "a") + packet(0, "b") + packet(0, "c").substr(0, 2));
  server.begin_reply();
  EXPECT_EQ(server.write(packet(1, "1")), stored_frame(1, packet(1, "1")));
  server.begin_reply();
  server.write(packet(1, "2"));
  // The rest of the last one: a server wants a 0 again, since it has begun anew meanwhile.
  EXPECT_EQ(server.read(stored_frame(0, packet(0, "c").substr(2))), packet(0, "c").substr(2));
}

TEST(FrameNumbersOfAServer, EmptyFramesCount) {
  Server server;
  server.exchange();
  EXPECT_EQ(
      server.read(stored_frame(0, "") + stored_frame(1, "") + stored_frame(2, packet(0, "x"))),
      packet(0, "x"));
  server.begin_reply();
  EXPECT_EQ(server.write(packet(1, "y")), stored_frame(3, packet(1, "y")));
}

// ---- the client's side ----

struct Client : Side {
  Client() : Side(false) {}
};

TEST(FrameNumbersOfAClient, BeginAnewWithEachCommand) {
  Client client;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.write(packet(0, "ping")), stored_frame(0, packet(0, "ping")));
    EXPECT_EQ(client.read(stored_frame(1, packet(1, "ok"))), packet(1, "ok"));
  }
}

TEST(FrameNumbersOfAClient, CommandsThatAreSentAtOnceBeginAFrameEach) {
  Client client;
  const auto a = packet(0, "a");
  const auto b = packet(0, "b");
  const auto large = packet(0, std::string(20, 'c'));
  EXPECT_EQ(client.write(a + b + large),
            stored_frame(0, a) + stored_frame(0, b) + stored_frame(0, large));
  EXPECT_EQ(client.read(stored_frame(1, "1") + stored_frame(2, "2") + stored_frame(1, "3") +
                        stored_frame(1, "4")),
            "1234");
}

TEST(FrameNumbersOfAClient, CommandThatIsWrittenInPiecesGoesOn) {
  Client client;
  const auto command = packet(0, "a long command");
  std::string sent;
  for (char byte : command) sent += client.write(std::string_view(&byte, 1));
  std::string expected = stored_frame(0, command.substr(0, 4));
  for (unsigned i = 4; i < command.size(); ++i)
    expected += stored_frame(i - 3, command.substr(i, 1));
  EXPECT_EQ(sent, expected);
  EXPECT_EQ(client.read(stored_frame(15, "ok")), "ok");
  EXPECT_EQ(client.write(packet(0, "next")), stored_frame(0, packet(0, "next")));
}

TEST(FrameNumbersOfAClient, FileGoesOnAfterTheRequestForIt) {
  Client client;
  EXPECT_EQ(client.write(packet(0, "load")), stored_frame(0, packet(0, "load")));
  EXPECT_EQ(client.read(stored_frame(1, packet(1, "\xfb"))), packet(1, "\xfb"));
  for (unsigned i = 2; i < 700; ++i) {
    ASSERT_EQ(client.write(packet(i % 256, "line")),
              stored_frame(i % 256, packet(i % 256, "line")));
  }
  EXPECT_EQ(client.write(packet(700 % 256, "")), stored_frame(700 % 256, packet(700 % 256, "")));
  EXPECT_EQ(client.read(stored_frame(701 % 256, "ok")), "ok");
  EXPECT_EQ(client.write(packet(0, "next")), stored_frame(0, packet(0, "next")));
}

TEST(FrameNumbersOfAClient, RepliesToSeveralLargeCommandsAreTold) {
  Client client;
  const auto a = packet(0, "in two");
  const auto b = packet(0, "in three");
  client.write(a.substr(0, 5));
  client.write(a.substr(5));
  client.write(b.substr(0, 5));
  client.write(b.substr(5, 1));
  client.write(b.substr(6));
  client.write(packet(0, "in one"));
  EXPECT_EQ(client.read(stored_frame(2, "a") + stored_frame(3, "a") + stored_frame(3, "b") +
                        stored_frame(1, "c")),
            "aabc");
}

TEST(FrameNumbersOfAClient, WrongOnesAreRefused) {
  Client client;
  client.write(packet(0, "x"));
  EXPECT_EQ(client.read(stored_frame(1, "a") + stored_frame(4, "b")), "a!");
}

TEST(FrameNumbersOfAClient, PacketsKeepTheServersNumbers) {
  Client client;
  client.write(packet(0, "two results"));
  EXPECT_EQ(client.read(stored_frame(1, packet(1, "a") + packet(2, "b")) +
                        stored_frame(2, packet(2, "c"))),
            packet(1, "a") + packet(2, "b") + packet(2, "c"));
}

}  // namespace
}  // namespace dorsal::io
