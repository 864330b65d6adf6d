// Packets: how payloads are framed on the wire, in both directions.
//
//   packet  = length:3 sequence:1 payload[length]
//   message = packet with length ffffff, any number of times, then one that is shorter
//
// A payload of exactly ffffff bytes, or a multiple, is therefore followed by an empty packet. The
// sequence number counts packets; it begins at 0 with each command of the client, runs on through
// the reply, and wraps at 256.
//
// Source: MySQL Server documentation, "Protocol Basics", "MySQL Packets".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {

struct Header {
  std::uint32_t length = 0;
  std::uint8_t sequence = 0;
};

// Reads exactly four bytes.
Header read_header(const char* four_bytes);

// Appends the payload as packets and leaves `sequence` at the number of the next packet.
void append_packet(std::string& out, std::uint8_t& sequence, std::string_view payload);

// The same for a command, whose numbers begin at 0.
void append_command(std::string& out, std::string_view payload);

struct Packet {
  std::string payload;
  std::uint8_t first_sequence = 0;
  std::uint8_t last_sequence =
      0;  // differs from the first when the payload came in several packets
};

// Makes whole payloads of bytes that arrive cut anywhere.
//
// Calls match: (feed take*)* leftover?
// A payload that grows beyond the limit is refused as soon as its length is known, before its bytes
// are kept, so an unfriendly peer costs at most `limit` bytes of memory.
class PacketAssembler {
 public:
  explicit PacketAssembler(std::size_t limit) : limit_(limit) {}

  void feed(std::string_view bytes);

  // The next whole payload; empty while more bytes are needed. Corrupt when the payload is beyond
  // the limit or when sequence numbers do not run on within it; every later call then fails too.
  Result<std::optional<Packet>> take();

  // Zeroes what has been taken: it held a password.
  void wipe_taken();

  // True when no byte waits, not even of an unfinished payload.
  bool is_empty() const { return position_ == buffer_.size() && !continues_; }

  // Moves out the bytes that no take() has returned yet. Call it only between two payloads: the
  // packets of an unfinished one that were already joined are not given back.
  std::string leftover();

 private:
  Result<void> check(const Header& header) const;
  void join(const Header& header);

  std::size_t limit_;
  std::string buffer_;
  std::size_t position_ = 0;  // everything before it has been taken
  Packet partial_;
  bool continues_ = false;  // partial_ holds the first packets of a payload
};

}  // namespace dorsal::mysql
