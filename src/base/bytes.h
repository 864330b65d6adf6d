// Reads and writes the little-endian bytes of wire and file formats.
//
// Both sides work on plain strings of bytes. A Reader remembers its first failure: after it every
// read yields zero or empty, so a decoder reads all its fields and asks ok() once. A Writer appends
// to a string that its caller owns and cannot fail.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dorsal {

class Reader {
 public:
  // The bytes must outlive the Reader and every view that it hands out.
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t left() const { return bytes_.size() - position_; }
  std::size_t position() const { return position_; }

  // Marks the input as wrong, for what only the decoder can judge.
  void fail() {
    ok_ = false;
    position_ = bytes_.size();
  }

  std::uint8_t u8() { return static_cast<std::uint8_t>(little_endian(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(little_endian(2)); }
  std::uint32_t u24() { return static_cast<std::uint32_t>(little_endian(3)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t u48() { return little_endian(6); }
  std::uint64_t u64() { return little_endian(8); }

  // The next byte without consuming it; zero at the end, which is not a failure.
  std::uint8_t peek() const {
    return at_end() ? std::uint8_t{0} : static_cast<std::uint8_t>(bytes_[position_]);
  }

  // Exactly count bytes.
  std::string_view take(std::uint64_t count) {
    if (count > left()) {
      fail();
      return {};
    }
    auto taken = bytes_.substr(position_, static_cast<std::size_t>(count));
    position_ += taken.size();
    return taken;
  }
  void skip(std::uint64_t count) { (void)take(count); }

  // Everything that is left.
  std::string_view rest() { return take(left()); }

  // Up to the next zero byte, which is consumed and not part of the result; without one it fails.
  std::string_view zero_terminated() {
    auto zero = bytes_.find('\0', position_);
    if (zero == std::string_view::npos) {
      fail();
      return {};
    }
    auto taken = bytes_.substr(position_, zero - position_);
    position_ = zero + 1;
    return taken;
  }

 private:
  std::uint64_t little_endian(std::size_t count) {
    auto bytes = take(count);
    std::uint64_t number = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) {
      number = number << 8 | static_cast<std::uint8_t>(bytes[i - 1]);
    }
    return number;
  }

  std::string_view bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

class Writer {
 public:
  // The string must outlive the Writer; what it already holds stays in front.
  explicit Writer(std::string& out) : out_(out) {}

  void u8(std::uint8_t number) { out_.push_back(static_cast<char>(number)); }
  void u16(std::uint16_t number) { little_endian(number, 2); }
  void u24(std::uint32_t number) { little_endian(number, 3); }
  void u32(std::uint32_t number) { little_endian(number, 4); }
  void u48(std::uint64_t number) { little_endian(number, 6); }
  void u64(std::uint64_t number) { little_endian(number, 8); }
  void put(std::string_view bytes) { out_.append(bytes); }
  void zeros(std::size_t count) { out_.append(count, '\0'); }
  void zero_terminated(std::string_view text) {
    out_.append(text);
    out_.push_back('\0');
  }

 private:
  void little_endian(std::uint64_t number, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      out_.push_back(static_cast<char>(number >> (8 * i) & 0xff));
    }
  }

  std::string& out_;
};

// Two digits for each byte, in lower case.
inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    const auto number = static_cast<unsigned char>(byte);
    text.push_back(kDigits[number >> 4]);
    text.push_back(kDigits[number & 0xf]);
  }
  return text;
}

}  // namespace dorsal
