#include "edge/io/frame_codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dorsal::io {
namespace {

// What MySQL's own clients and servers do not compress either.
constexpr std::size_t kShort = 50;

std::uint32_t read_u24(std::string_view bytes) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 3; ++i) {
    value |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  }
  return value;
}

void write_u24(char* bytes, std::size_t value) {
  for (unsigned i = 0; i < 3; ++i) bytes[i] = static_cast<char>(value >> (8 * i) & 0xff);
}

void give_memory_back(std::string& buffer) {
  constexpr std::size_t kSmall = 256;
  if (buffer.empty() && buffer.capacity() > kSmall) std::string().swap(buffer);
}

}  // namespace

FrameCodec::FrameCodec(Compressors& compressors, const CompressionOptions& options)
    : compressors_(compressors), options_(options), numbers_(options.is_server) {}

FrameCodec::~FrameCodec() {
  if (decompressor_ != nullptr) compressors_.take_back(std::move(decompressor_));
}

// ---- receiving ----

Result<std::size_t> FrameCodec::read(char* buffer, std::size_t size) {
  std::size_t count = 0;
  if (peeked_) {
    buffer[count++] = *peeked_;
    peeked_.reset();
  }
  while (count < size && !failure_) {
    auto made = produce(buffer + count, size - count);
    if (!made) {
      failure_ = made.error();
      break;
    }
    if (*made == 0) break;
    count += *made;
    if (options_.is_server && !in_frame_) break;
  }
  if (count == 0 && failure_) return *failure_;
  return count;
}

bool FrameCodec::has_packets() {
  if (peeked_ || failure_) return true;
  char byte = 0;
  auto count = read(&byte, 1);
  if (count && *count == 0) return false;
  if (count) peeked_ = byte;
  return true;
}

// The next packets out of one frame; 0 when more input is needed.
Result<std::size_t> FrameCodec::produce(char* buffer, std::size_t size) {
  for (;;) {
    if (!in_frame_) {
      DORSAL_TRY(bool is_open, open_frame());
      if (!is_open) return std::size_t{0};
    }
    const auto input_before = input().size();
    std::size_t count = 0;
    if (decompressor_ == nullptr) {
      count = copy(buffer, size);
    } else {
      DORSAL_TRY(count, decompress(buffer, size));
    }
    if (count > 0) return count;
    if (in_frame_ && input().size() == input_before) return std::size_t{0};
  }
}

// False while the header is not whole.
Result<bool> FrameCodec::open_frame() {
  const auto header = input().substr(0, kHeaderSize);
  if (header.size() < kHeaderSize) return false;
  DORSAL_TRY_VOID(numbers_.frame_received(static_cast<std::uint8_t>(header[3])));
  payload_left_ = read_u24(header);
  packets_left_ = read_u24(header.substr(4));
  take_input(kHeaderSize);
  in_frame_ = true;
  if (options_.numbers != nullptr) {
    options_.numbers->received.add(static_cast<std::int64_t>(kHeaderSize + payload_left_));
    options_.numbers->received_packets.add(packets_left_ > 0 ? packets_left_ : payload_left_);
  }
  if (packets_left_ > 0) {
    decompressor_ = compressors_.lend(options_.algorithm);
  } else if (payload_left_ == 0) {
    close_frame();
  }
  return true;
}

std::size_t FrameCodec::copy(char* buffer, std::size_t size) {
  const auto bytes = input().substr(0, std::min<std::size_t>(size, payload_left_));
  std::memcpy(buffer, bytes.data(), bytes.size());
  numbers_.packets_received(buffer, bytes.size());
  payload_left_ -= static_cast<std::uint32_t>(bytes.size());
  take_input(bytes.size());
  const auto count = bytes.size();
  if (payload_left_ == 0) close_frame();
  return count;
}

Result<std::size_t> FrameCodec::decompress(char* buffer, std::size_t size) {
  std::size_t count = 0;
  if (packets_left_ > 0) {
    DORSAL_TRY(count, step(buffer, std::min<std::size_t>(size, packets_left_)));
    packets_left_ -= static_cast<std::uint32_t>(count);
    numbers_.packets_received(buffer, count);
    const bool is_over = payload_left_ == 0 || !decompressor_->may_go_on();
    if (is_over && count == 0) return corrupt("a compressed frame ends early");
    if (packets_left_ > 0) return count;
    held_ = buffer[--count];
  }
  DORSAL_TRY(bool is_complete, complete());
  if (!is_complete) return count;
  buffer[count++] = *held_;
  close_frame();
  return count;
}

// All packets have been made. True once what is left of the frame is its proper end; false while
// that has not come.
Result<bool> FrameCodec::complete() {
  char excess = 0;
  DORSAL_TRY(auto count, step(&excess, 1));
  if (count > 0) return corrupt("a compressed frame holds more than it says");
  if (payload_left_ > 0 && decompressor_->is_complete() && !input().empty()) {
    return corrupt("a compressed frame holds more than its data");
  }
  if (payload_left_ == 0 && !decompressor_->is_complete()) {
    return corrupt("a compressed frame ends early");
  }
  return payload_left_ == 0;
}

Result<std::size_t> FrameCodec::step(char* buffer, std::size_t size) {
  auto payload = input().substr(0, payload_left_);
  const auto before = payload.size();
  DORSAL_TRY(auto count, decompressor_->step(payload, buffer, size));
  const auto used = before - payload.size();
  payload_left_ -= static_cast<std::uint32_t>(used);
  take_input(used);
  return count;
}

void FrameCodec::close_frame() {
  in_frame_ = false;
  held_.reset();
  if (decompressor_ != nullptr) compressors_.take_back(std::move(decompressor_));
}

void FrameCodec::take_input(std::size_t count) {
  input_begin_ += count;
  if (input_begin_ == input_.size()) {
    input_.clear();
    input_begin_ = 0;
  }
}

// ---- sending ----

void FrameCodec::write(std::string_view packets) {
  std::string joined;
  if (!header_piece_.empty()) {
    joined = std::exchange(header_piece_, {});
    joined.append(packets);
    packets = joined;
  }
  while (!packets.empty()) {
    auto cut = numbers_.next_frame(packets, kMostPackets);
    if (cut.size == 0) {
      header_piece_ = packets;
      return;
    }
    append_frame(cut.number, packets.substr(0, cut.size));
    packets.remove_prefix(cut.size);
  }
}

void FrameCodec::append_frame(std::uint8_t number, std::string_view packets) {
  const auto begin = output_.size();
  output_.append(kHeaderSize, '\0');
  const bool is_shorter =
      packets.size() >= kShort &&
      compressors_.compress(options_.algorithm, options_.level, packets, output_);
  if (!is_shorter) output_.append(packets);
  char* header = output_.data() + begin;
  write_u24(header, output_.size() - begin - kHeaderSize);
  header[3] = static_cast<char>(number);
  write_u24(header + 4, is_shorter ? packets.size() : 0);
  if (options_.numbers != nullptr) {
    options_.numbers->sent.add(static_cast<std::int64_t>(output_.size() - begin));
    options_.numbers->sent_packets.add(static_cast<std::int64_t>(packets.size()));
  }
}

void FrameCodec::sent(std::size_t count) {
  output_begin_ += count;
  if (output_begin_ == output_.size()) {
    output_.clear();
    output_begin_ = 0;
  }
}

void FrameCodec::trim() {
  give_memory_back(input_);
  give_memory_back(output_);
}

}  // namespace dorsal::io
