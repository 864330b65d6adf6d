#include "core/mysql/packet.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kPlenty = std::size_t{64} << 20;

std::string framed(std::string_view payload, std::uint8_t first_sequence = 0) {
  std::string out;
  append_packet(out, first_sequence, payload);
  return out;
}

// The payloads that come out, each as "first-last:size", joined by blanks; or the failure.
std::string show(PacketAssembler& packets) {
  std::string out;
  for (;;) {
    auto packet = packets.take();
    if (!packet) return out + packet.error().message;
    if (!*packet) return out;
    out += std::to_string((*packet)->first_sequence) + "-" +
           std::to_string((*packet)->last_sequence) + ":" +
           std::to_string((*packet)->payload.size()) + " ";
  }
}

std::string assembled(std::string_view bytes, std::size_t limit = kPlenty) {
  PacketAssembler packets(limit);
  packets.feed(bytes);
  return show(packets);
}

TEST(Packet, AShortPayloadIsOnePacket) {
  std::string out;
  std::uint8_t sequence = 5;
  append_packet(out, sequence, "abc");
  EXPECT_EQ(out,
            "\x03\x00\x00\x05"
            "abc"sv);
  EXPECT_EQ(sequence, 6);
}

TEST(Packet, AnEmptyPayloadIsAnEmptyPacket) { EXPECT_EQ(framed(""), "\x00\x00\x00\x00"sv); }

TEST(Packet, TheSequenceNumberWraps) {
  std::string out;
  std::uint8_t sequence = 255;
  append_packet(out, sequence, "");
  EXPECT_EQ(sequence, 0);
}

TEST(Packet, AHeaderIsLengthAndSequence) {
  auto header = read_header("\x01\x02\x03\x04");
  EXPECT_EQ(header.length, 0x030201U);
  EXPECT_EQ(header.sequence, 4);
}

TEST(Packet, APayloadIsSplitWhereTheNextPacketContinuesIt) {
  struct {
    std::size_t size;
    std::size_t packets;
  } const cases[] = {{kMaxPayload - 1, 1},
                     {kMaxPayload, 2},
                     {kMaxPayload + 1, 2},
                     {2 * kMaxPayload, 3}};
  for (const auto& [size, count] : cases) {
    std::string payload(size, 'x');
    auto bytes = framed(payload);
    EXPECT_EQ(bytes.size(), size + count * kHeaderSize);
    auto shown = "0-" + std::to_string(count - 1) + ":" + std::to_string(size) + " ";
    EXPECT_EQ(assembled(bytes), shown);
  }
}

TEST(PacketAssembler, TakesSeveralPayloadsFromOneRead) {
  EXPECT_EQ(assembled(framed("abc", 0) + framed("", 1) + framed("de", 2)), "0-0:3 1-1:0 2-2:2 ");
}

TEST(PacketAssembler, DoesNotCareWhereReadsEnd) {
  auto bytes = framed("abc", 3) + framed("de", 4);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    PacketAssembler packets(kPlenty);
    packets.feed(bytes.substr(0, cut));
    auto shown = show(packets);
    packets.feed(bytes.substr(cut));
    EXPECT_EQ(shown + show(packets), "3-3:3 4-4:2 ") << "cut at " << cut;
  }
}

TEST(PacketAssembler, RefusesANumberThatDoesNotRunOnWithinAPayload) {
  auto bytes = framed(std::string(kMaxPayload, 'x'));
  bytes[bytes.size() - 1] = 7;
  EXPECT_EQ(assembled(bytes), "packet 7 of a long payload came where 1 was expected");
}

TEST(PacketAssembler, RefusesAPayloadBeyondTheLimitBeforeItHasCome) {
  EXPECT_EQ(assembled("\x0b\x00\x00\x00"sv, 10), "a payload is longer than the 10 bytes allowed");
  EXPECT_EQ(assembled(framed("0123456789"), 10), "0-0:10 ");
}

TEST(PacketAssembler, CountsAllPacketsOfAPayloadAgainstTheLimit) {
  auto bytes = framed(std::string(kMaxPayload + 1, 'x'));
  EXPECT_EQ(assembled(bytes, kMaxPayload), "a payload is longer than the 16777215 bytes allowed");
}

TEST(PacketAssembler, GivesBackWhatNobodyTook) {
  PacketAssembler packets(kPlenty);
  packets.feed(framed("abc") + "\x01\x02");
  EXPECT_EQ(show(packets), "0-0:3 ");
  EXPECT_FALSE(packets.is_empty());
  EXPECT_EQ(packets.leftover(), "\x01\x02");
  EXPECT_TRUE(packets.is_empty());
}

TEST(PacketAssembler, IsNotEmptyInTheMiddleOfAPayload) {
  PacketAssembler packets(kPlenty);
  packets.feed(framed(std::string(kMaxPayload, 'x')).substr(0, kMaxPayload + kHeaderSize));
  EXPECT_EQ(show(packets), "");
  EXPECT_FALSE(packets.is_empty());
}

}  // namespace
}  // namespace dorsal::mysql
