#include "edge/io/frame_codec.h"

#include <gtest/gtest.h>

#include <vector>

#include "edge/io/frame_testing.h"

namespace dorsal::io {
namespace {

using testing::frame;
using testing::packed;
using testing::packet;
using testing::raw_frame;
using testing::stored_frame;

CompressionOptions options(Compression algorithm, bool is_server) {
  CompressionOptions options;
  options.algorithm = algorithm;
  options.is_server = is_server;
  return options;
}

// Text that compresses, but not to nothing.
std::string words(std::size_t size) {
  std::string text;
  for (unsigned i = 0; text.size() < size; ++i) text += std::to_string(i * 7919) + " words, ";
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text.push_back(static_cast<char>(state >> 24));
  }
  return text;
}

// Everything that can be read now, then what went wrong.
std::string read_all(FrameCodec& codec, std::size_t piece = 4096) {
  std::string text;
  std::string buffer(piece, '\0');
  for (;;) {
    auto count = codec.read(buffer.data(), buffer.size());
    if (!count) return text + "!" + count.error().message;
    if (*count == 0) return text;
    text.append(buffer, 0, *count);
  }
}

struct Header {
  std::size_t length;
  unsigned number;
  std::size_t text;

  bool operator==(const Header&) const = default;
};

void PrintTo(const Header& header, std::ostream* out) {
  *out << "{" << header.length << ", " << header.number << ", " << header.text << "}";
}

std::size_t u24_at(std::string_view bytes, std::size_t at) {
  std::size_t value = 0;
  for (unsigned i = 0; i < 3; ++i) {
    value |= std::size_t{static_cast<std::uint8_t>(bytes[at + i])} << (8 * i);
  }
  return value;
}

std::vector<Header> headers(std::string_view frames) {
  std::vector<Header> all;
  while (!frames.empty()) {
    Header header{u24_at(frames, 0), static_cast<std::uint8_t>(frames[3]), u24_at(frames, 4)};
    all.push_back(header);
    frames.remove_prefix(7 + header.length);
  }
  return all;
}

std::string take_output(FrameCodec& codec) {
  std::string output(codec.output());
  codec.sent(output.size());
  return output;
}

std::vector<unsigned> numbers(std::string_view frames) {
  std::vector<unsigned> all;
  for (const auto& header : headers(frames)) all.push_back(header.number);
  return all;
}

class BothAlgorithms : public ::testing::TestWithParam<Compression> {
 protected:
  FrameCodec server() { return FrameCodec(compressors_, options(GetParam(), true)); }
  FrameCodec client() { return FrameCodec(compressors_, options(GetParam(), false)); }
  std::string frame_of(unsigned number, std::string_view text) {
    return frame(GetParam(), number, text);
  }

  Compressors compressors_;
};

INSTANTIATE_TEST_SUITE_P(FrameCodec,
                         BothAlgorithms,
                         ::testing::Values(Compression::Zlib, Compression::Zstd),
                         [](const auto& test) {
                           return test.param == Compression::Zlib ? "Zlib" : "Zstd";
                         });

TEST_P(BothAlgorithms, OneSideReadsWhatTheOtherWrites) {
  for (std::size_t size : {1u, 49u, 50u, 1000u, 80u * 1024u, 81u * 1024u, 300'000u}) {
    auto client = this->client();
    auto server = this->server();
    for (const auto& payload : {words(size), noise(size)}) {
      auto command = packet(0, payload);
      client.write(command);
      server.feed(take_output(client));
      EXPECT_EQ(read_all(server), command) << size;
      server.begin_reply();
      auto reply = packet(1, payload);
      server.write(reply);
      client.feed(take_output(server));
      EXPECT_EQ(read_all(client), reply) << size;
    }
  }
}

TEST_P(BothAlgorithms, ShortAndIncompressibleTextIsStored) {
  auto client = this->client();
  client.write(packet(0, std::string(45, 'x')));
  EXPECT_EQ(headers(take_output(client)), (std::vector<Header>{{49, 0, 0}}));
  client.write(packet(0, noise(1000)));
  EXPECT_EQ(headers(take_output(client)), (std::vector<Header>{{1004, 0, 0}}));
  client.write(packet(0, std::string(46, 'x')));
  auto header = headers(take_output(client)).at(0);
  EXPECT_LT(header.length, 50u);
  EXPECT_EQ(header.text, 50u);
}

TEST_P(BothAlgorithms, LargeTextIsCutIntoFrames) {
  auto client = this->client();
  client.write(packet(0, words(3 * FrameCodec::kMostPackets - 4)));
  EXPECT_EQ(numbers(client.output()), (std::vector<unsigned>{0, 1, 2}));
  for (const auto& header : headers(client.output())) {
    EXPECT_EQ(header.text, FrameCodec::kMostPackets);
  }
}

TEST_P(BothAlgorithms, FramesMayComeCutAnywhereAndBeReadInPiecesOfAnySize) {
  const auto first = packet(0, words(500));
  const auto second = packet(0, "tiny");
  // A frame for one and a half packets of a command, an empty one, one byte, the rest.
  const auto whole = packet(0, words(300)) + packet(1, words(200));
  const auto frames = frame_of(0, first) + stored_frame(0, second) +
                      frame_of(0, whole.substr(0, 400)) + stored_frame(1, "") +
                      stored_frame(2, whole.substr(400, 1)) + frame_of(3, whole.substr(401));
  for (std::size_t piece : {1u, 3u, 4096u}) {
    for (std::size_t cut = 0; cut <= frames.size(); ++cut) {
      auto server = this->server();
      server.feed(std::string_view(frames).substr(0, cut));
      auto text = read_all(server, piece);
      server.feed(std::string_view(frames).substr(cut));
      text += read_all(server, piece);
      ASSERT_EQ(text, first + second + whole) << "cut at " << cut << ", read by " << piece;
    }
  }
}

TEST_P(BothAlgorithms, ByteByByteIsEnough) {
  const auto command = packet(0, words(200));
  auto server = this->server();
  std::string text;
  for (char byte : frame_of(0, command)) {
    server.feed(std::string_view(&byte, 1));
    text += read_all(server);
  }
  EXPECT_EQ(text, command);
}

TEST_P(BothAlgorithms, HasPacketsTellsWhetherAReadWouldGiveAny) {
  const auto frames = frame_of(0, packet(0, words(100)));
  auto server = this->server();
  for (std::size_t i = 0; i + 1 < 12; ++i) {
    server.feed(std::string_view(frames).substr(i, 1));
    EXPECT_FALSE(i < 7 && server.has_packets());
  }
  server.feed(std::string_view(frames).substr(11));
  EXPECT_TRUE(server.has_packets());
  EXPECT_TRUE(server.has_packets());
  EXPECT_EQ(read_all(server), packet(0, words(100)));
  EXPECT_FALSE(server.has_packets());
  server.feed(stored_frame(7, "x"));
  EXPECT_TRUE(server.has_packets()) << "a failure is something to read too";
  EXPECT_NE(read_all(server), "");
}

TEST_P(BothAlgorithms, UnsoundFramesAreCorruptFromThenOn) {
  const auto text = packet(0, words(100));
  const auto good = packed(GetParam(), text);
  struct Case {
    const char* what;
    std::string frame;
  };
  const Case cases[] = {
      {"claims more than it has", raw_frame(0, good, text.size() + 1)},
      {"claims less than it has", raw_frame(0, good, text.size() - 1)},
      {"claims one byte", raw_frame(0, good, 1)},
      {"cut short", raw_frame(0, good.substr(0, good.size() - 1), text.size())},
      {"cut in half", raw_frame(0, good.substr(0, good.size() / 2), text.size())},
      {"nothing but a claim", raw_frame(0, "", 50)},
      {"bytes behind the end", raw_frame(0, good + "xyz", text.size())},
      {"garbage", raw_frame(0, "garbage garbage garbage", 100)},
      {"zeros", raw_frame(0, std::string(100, '\0'), 100)},
      {"of the other algorithm",
       frame(GetParam() == Compression::Zlib ? Compression::Zstd : Compression::Zlib, 0, text)},
  };
  for (const auto& one : cases) {
    auto server = this->server();
    server.feed(one.frame);
    auto got = read_all(server);
    EXPECT_LE(got.find('!'), text.size()) << one.what;
    char byte;
    server.feed(frame_of(0, text));
    auto again = server.read(&byte, 1);
    ASSERT_FALSE(again) << one.what;
    EXPECT_EQ(again.error().kind, ErrorKind::Corrupt) << one.what;
  }
}

TEST(FrameCodec, NothingIsExecutedBeforeItsChecksumHasProvedRight) {
  Compressors compressors;
  const auto text = packet(0, words(100));
  auto bytes = frame(Compression::Zlib, 0, text);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  for (std::size_t cut = bytes.size() - 6; cut <= bytes.size(); ++cut) {
    FrameCodec server(compressors, options(Compression::Zlib, true));
    server.feed(std::string_view(bytes).substr(0, cut));
    auto got = read_all(server);
    server.feed(std::string_view(bytes).substr(cut));
    got += read_all(server);
    EXPECT_LT(got.find("!not valid zlib data"), text.size()) << cut;
  }
}

TEST(FrameCodec, ZstdDataMayConsistOfSeveralPieces) {
  Compressors compressors;
  FrameCodec server(compressors, options(Compression::Zstd, true));
  const auto text = packet(0, words(100));
  auto packed_pieces = packed(Compression::Zstd, text.substr(0, 30)) +
                       std::string("\x50\x2a\x4d\x18\x04\0\0\0skip", 12) +
                       packed(Compression::Zstd, text.substr(30));
  server.feed(raw_frame(0, packed_pieces, text.size()));
  EXPECT_EQ(read_all(server), text);
}

// What decompresses to 16 MiB is handed out as it is read, and costs no memory before that.
TEST_P(BothAlgorithms, LargestFrameIsReadInPieces) {
  const std::string text = packet(0, std::string(0xffffff - 4, 'x'));
  const auto bytes = frame_of(0, text);
  ASSERT_LT(bytes.size(), text.size() / 500);
  auto server = this->server();
  server.feed(bytes);
  std::string buffer(1000, '\0');
  std::size_t read = 0;
  while (read < text.size()) {
    auto count = server.read(buffer.data(), buffer.size());
    ASSERT_TRUE(count && *count > 0) << read;
    ASSERT_EQ(std::string_view(buffer).substr(0, *count),
              std::string_view(text).substr(read, *count));
    read += *count;
  }
  EXPECT_EQ(read_all(server), "");
}

TEST_P(BothAlgorithms, BombThatHoldsMoreThanItClaimsIsCorrupt) {
  const auto payload = packed(GetParam(), std::string(0xffffff, '\0'));
  auto server = this->server();
  server.feed(raw_frame(0, payload, 0xffff));
  auto got = read_all(server);
  EXPECT_EQ(got.size() - got.find('!'),
            std::string("!a compressed frame holds more than it says").size());
}

// A frame cannot hold more than 2^24 bytes, so whoever wants a larger window wants memory.
TEST(FrameCodec, ZstdWindowBeyondTheLargestFrameIsRefused) {
  auto* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  const auto text = packet(0, words(1000));
  std::string payload(4096, '\0');
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_outBuffer out{payload.data(), payload.size(), 0};
  ASSERT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush), 0u);
  ASSERT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0u);
  payload.resize(out.pos);
  ZSTD_freeCCtx(context);
  Compressors compressors;
  FrameCodec server(compressors, options(Compression::Zstd, true));
  server.feed(raw_frame(0, payload, text.size()));
  EXPECT_EQ(read_all(server), "!not valid zstd data");
}

TEST_P(BothAlgorithms, EveryLevelIsReadByTheOtherSide) {
  const auto text = packet(0, words(70'000));
  for (int level : {-5, 0, 1, 3, 9, 19, 22, 23, 1000}) {
    auto with_level = options(GetParam(), false);
    with_level.level = level;
    FrameCodec client(compressors_, with_level);
    client.write(text);
    auto server = this->server();
    server.feed(client.output());
    EXPECT_EQ(read_all(server), text) << level;
  }
}

TEST(FrameCodec, CountsBytesOnTheWireAndOfPackets) {
  Number received;
  Number received_packets;
  Number sent;
  Number sent_packets;
  CompressionNumbers counted{received, received_packets, sent, sent_packets};
  Compressors compressors;
  auto with_numbers = options(Compression::Zlib, false);
  with_numbers.numbers = &counted;
  FrameCodec client(compressors, with_numbers);
  client.write(packet(0, words(1000)));
  EXPECT_EQ(sent.value(), static_cast<std::int64_t>(client.output().size()));
  EXPECT_EQ(sent_packets.value(), 1004);
  client.feed(stored_frame(1, "short") + frame(Compression::Zlib, 2, words(500)));
  EXPECT_EQ(read_all(client).size(), 505u);
  EXPECT_EQ(received_packets.value(), 505);
  EXPECT_LT(received.value(), 505);
}

}  // namespace
}  // namespace dorsal::io
