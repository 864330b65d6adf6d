#include "core/mysql/packet.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "base/secret.h"

namespace dorsal::mysql {

Header read_header(const char* four_bytes) {
  Reader reader(std::string_view(four_bytes, kHeaderSize));
  Header header;
  header.length = reader.u24();
  header.sequence = reader.u8();
  return header;
}

void append_packet(std::string& out, std::uint8_t& sequence, std::string_view payload) {
  Writer writer(out);
  for (;;) {
    auto piece = payload.substr(0, kMaxPayload);
    writer.u24(static_cast<std::uint32_t>(piece.size()));
    writer.u8(sequence++);
    writer.put(piece);
    if (piece.size() < kMaxPayload) return;
    payload.remove_prefix(piece.size());
  }
}

void PacketAssembler::wipe_taken() {
  wipe(buffer_.data(), position_);
  if (position_ == buffer_.size()) wipe(buffer_), position_ = 0;
}

void PacketAssembler::feed(std::string_view bytes) {
  buffer_.erase(0, position_);
  position_ = 0;
  buffer_.append(bytes);
}

Result<std::optional<Packet>> PacketAssembler::take() {
  while (buffer_.size() - position_ >= kHeaderSize) {
    auto header = read_header(buffer_.data() + position_);
    DORSAL_TRY_VOID(check(header));
    if (buffer_.size() - position_ - kHeaderSize < header.length) break;
    join(header);
    if (!continues_) return std::optional<Packet>(std::exchange(partial_, Packet()));
  }
  return std::optional<Packet>();
}

Result<void> PacketAssembler::check(const Header& header) const {
  auto expected = static_cast<std::uint8_t>(partial_.last_sequence + 1);
  if (continues_ && header.sequence != expected) {
    return corrupt(fmt::format("packet {} of a long payload came where {} was expected",
                               header.sequence,
                               expected));
  }
  if (partial_.payload.size() + header.length > limit_) {
    return corrupt(fmt::format("a payload is longer than the {} bytes allowed", limit_));
  }
  return {};
}

// Moves one whole packet from the buffer to the payload that is being put together.
void PacketAssembler::join(const Header& header) {
  if (!continues_) partial_.first_sequence = header.sequence;
  partial_.last_sequence = header.sequence;
  partial_.payload.append(buffer_, position_ + kHeaderSize, header.length);
  position_ += kHeaderSize + header.length;
  continues_ = header.length == kMaxPayload;
}

std::string PacketAssembler::leftover() {
  auto rest = buffer_.substr(position_);
  buffer_.clear();
  position_ = 0;
  return rest;
}

void append_command(std::string& out, std::string_view payload) {
  std::uint8_t sequence = 0;
  append_packet(out, sequence, payload);
}

}  // namespace dorsal::mysql
