// For fuzz targets: takes a fuzzer's bytes apart into choices and payload.
//
// Choices come from the front, so that small mutations of the payload leave them alone. Past the
// end every number is zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace dorsal::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : bytes_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t u8() {
    if (bytes_.empty()) return 0;
    auto byte = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }
  bool flag() { return (u8() & 1) != 0; }

  // The rest; it stays where it is.
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
};

// What must hold for any input. The fuzzer reports the abort with the input that caused it.
inline void require(bool claim) {
  if (!claim) std::abort();
}

// The bytes cut into pieces of 1 to 16 bytes, in a way that the seed decides; 0 cuts nowhere.
inline std::vector<std::string_view> cut(std::string_view bytes, std::uint8_t seed) {
  if (seed == 0) return {bytes};
  std::vector<std::string_view> pieces;
  std::uint32_t state = seed;
  while (!bytes.empty()) {
    state = state * 1664525 + 1013904223;
    auto piece = bytes.substr(0, 1 + (state >> 28));
    pieces.push_back(piece);
    bytes.remove_prefix(piece.size());
  }
  return pieces;
}

}  // namespace dorsal::fuzz
