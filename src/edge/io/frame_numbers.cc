#include "edge/io/frame_numbers.h"

#include <fmt/format.h>

#include <algorithm>

namespace dorsal::io {
namespace {

constexpr std::size_t kHeaderSize = 4;
constexpr std::uint32_t kFullPacket = 0xffffff;

// Replies to commands of several frames that may be to come at once. Beyond that the oldest is
// forgotten: it has most likely come already.
constexpr std::size_t kMostReplyStarts = 64;

std::uint8_t after(std::uint8_t number) { return static_cast<std::uint8_t>(number + 1); }

std::uint32_t length_in(const char* header) {
  std::uint32_t length = 0;
  for (unsigned i = 0; i < 3; ++i) {
    length |= std::uint32_t{static_cast<std::uint8_t>(header[i])} << (8 * i);
  }
  return length;
}

}  // namespace

// Goes over bytes that may begin and end anywhere; on_first gets the first byte of each header,
// on_number the last.
template <class Byte, class OnFirst, class OnNumber>
void FrameNumbers::walk(Place& place,
                        Byte* bytes,
                        std::size_t size,
                        OnFirst on_first,
                        OnNumber on_number) {
  while (size > 0) {
    std::size_t step = 1;
    if (place.left > 0) {
      step = std::min<std::size_t>(place.left, size);
      place.left -= static_cast<std::uint32_t>(step);
    } else if (place.header_read < kHeaderSize - 1) {
      if (place.header_read == 0) on_first(*bytes);
      auto byte = static_cast<std::uint8_t>(*bytes);
      place.length |= std::uint32_t{byte} << (8 * place.header_read);
      ++place.header_read;
    } else {
      on_number(*bytes);
      place.left = place.length;
      place.goes_on = place.length == kFullPacket;
      place.length = place.header_read = 0;
    }
    bytes += step;
    size -= step;
  }
}

// ---- what is received ----

// The number of the next frame if it belongs to what is under way.
std::uint8_t FrameNumbers::expected() const {
  const bool is_other_sides_turn = wrote_last_ && in_.is_between();
  return is_other_sides_turn ? write_next_ : read_next_;
}

bool FrameNumbers::begins_command(std::uint8_t number) const {
  return is_server_ && number == 0 && (!has_read_ || number != expected());
}

Result<void> FrameNumbers::frame_received(std::uint8_t number) {
  DORSAL_TRY_VOID(is_server_ ? server_received(number) : client_received(number));
  read_next_ = after(number);
  has_read_ = true;
  wrote_last_ = false;
  is_frame_start_ = true;
  return {};
}

Result<void> FrameNumbers::server_received(std::uint8_t number) {
  const bool begins = begins_command(number);
  const bool may_begin = in_.is_between() || began_inside_frame_;
  const bool is_right = begins ? may_begin : has_read_ && number == expected();
  if (!is_right) {
    return corrupt(fmt::format("compressed frame {} came where {} was expected",
                               number,
                               has_read_ ? expected() : 0));
  }
  const bool begins_still = is_frame_start_ && frame_hint_ == Hint::Begins;  // after empty frames
  frame_hint_ = begins || begins_still ? Hint::Begins : number == 0 ? Hint::None : Hint::GoesOn;
  if (begins) command_is_ahead_ = true;
  if (!command_is_ahead_) write_next_ = after(number);
  return {};
}

Result<void> FrameNumbers::client_received(std::uint8_t number) {
  read_last_ = true;
  if (number == read_next_ || number == write_next_ || number == 1) return {};
  const auto start = reply_starts_.find(static_cast<char>(number));
  if (start == std::string::npos) {
    return corrupt(
        fmt::format("compressed frame {} came where {} was expected", number, read_next_));
  }
  reply_starts_.erase(0, start + 1);
  return {};
}

void FrameNumbers::packets_received(char* bytes, std::size_t size) {
  if (!is_server_) return;
  auto on_first = [&](const char& first) {
    const bool is_at_start = is_frame_start_ && &first == bytes;
    header_hint_ = is_at_start ? frame_hint_ : Hint::None;
    if (!in_.goes_on) began_inside_frame_ = !is_at_start;
  };
  auto on_number = [&](char& number) {
    number = static_cast<char>(number_anew(static_cast<std::uint8_t>(number)));
  };
  walk(in_, bytes, size, on_first, on_number);
  if (size > 0) is_frame_start_ = false;
}

// By the number alone: 0 begins a command, unless it follows 255 without a word of the other side.
bool FrameNumbers::begins_exchange(std::uint8_t number, bool has_other_side_spoken) const {
  return number == 0 && (last_as_it_came_ != 255 || has_other_side_spoken);
}

std::uint8_t FrameNumbers::number_anew(std::uint8_t number) {
  std::uint8_t anew = after(in_number_);
  if (!in_.goes_on) {
    const bool begins = header_hint_ == Hint::None ? begins_exchange(number, sent_packet_last_)
                                                   : header_hint_ == Hint::Begins;
    if (begins) {
      command_is_ahead_ = true;
      anew = 0;
    } else if (sent_packet_last_) {
      anew = after(out_number_);
    }
  }
  last_as_it_came_ = number;
  sent_packet_last_ = false;
  in_number_ = anew;
  return anew;
}

// ---- what is sent ----

void FrameNumbers::begin_reply() {
  command_is_ahead_ = false;
  write_next_ = read_next_;
}

FrameNumbers::Cut FrameNumbers::next_frame(std::string_view packets, std::size_t most) {
  auto cut = is_server_ ? next_server_frame(packets, most) : next_client_frame(packets, most);
  if (cut.size == 0) return cut;
  cut.number = write_next_++;
  wrote_last_ = true;
  return cut;
}

FrameNumbers::Cut FrameNumbers::next_server_frame(std::string_view packets, std::size_t most) {
  packets = packets.substr(0, most);
  auto on_number = [&](const char& number) {
    out_number_ = static_cast<std::uint8_t>(number);
    sent_packet_last_ = true;
  };
  walk(
      out_,
      packets.data(),
      packets.size(),
      [](const char&) {},
      on_number);
  Cut cut;
  cut.size = packets.size();
  return cut;
}

// Up to the next command, and never into a header: whether that begins a command is known only
// when it is whole.
FrameNumbers::Cut FrameNumbers::next_client_frame(std::string_view packets, std::size_t most) {
  packets = packets.substr(0, most);
  std::size_t at = 0;
  while (at < packets.size()) {
    if (out_.left > 0) {
      auto step = std::min<std::size_t>(out_.left, packets.size() - at);
      out_.left -= static_cast<std::uint32_t>(step);
      at += step;
      continue;
    }
    if (packets.size() - at < kHeaderSize) break;
    const char* header = packets.data() + at;
    const auto number = static_cast<std::uint8_t>(header[kHeaderSize - 1]);
    if (!out_.goes_on) {
      const bool begins = begins_exchange(number, read_last_);
      if (begins && at > 0) break;
      if (begins) {
        command_begins();
      } else if (read_last_) {
        write_next_ = read_next_;
      }
    }
    last_as_it_came_ = number;
    read_last_ = false;
    out_.left = length_in(header);
    out_.goes_on = out_.left == kFullPacket;
    at += kHeaderSize;
  }
  Cut cut;
  cut.size = at;
  return cut;
}

void FrameNumbers::command_begins() {
  if (write_next_ > 1) reply_starts_.push_back(static_cast<char>(write_next_));
  if (reply_starts_.size() > kMostReplyStarts) reply_starts_.erase(0, 1);
  write_next_ = 0;
}

}  // namespace dorsal::io
