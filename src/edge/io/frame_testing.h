// For the tests of compression: packets and frames, also such as no codec of ours would make.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "edge/io/compression.h"

namespace dorsal::io::testing {

inline std::string u24(std::size_t value) {
  std::string bytes;
  for (unsigned i = 0; i < 3; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return bytes;
}

inline std::string packet(unsigned number, std::string_view payload) {
  return u24(payload.size()) + static_cast<char>(number) + std::string(payload);
}

inline std::string packed(Compression algorithm, std::string_view text) {
  std::string out(text.size() + text.size() / 8 + 200, '\0');
  if (algorithm == Compression::Zstd) {
    auto size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3);
    DORSAL_CHECK(ZSTD_isError(size) == 0);
    out.resize(size);
    return out;
  }
  auto size = static_cast<uLongf>(out.size());
  auto outcome = compress(reinterpret_cast<Bytef*>(out.data()),
                          &size,
                          reinterpret_cast<const Bytef*>(text.data()),
                          static_cast<uLong>(text.size()));
  DORSAL_CHECK(outcome == Z_OK);
  out.resize(size);
  return out;
}

// A frame as given: nothing about it has to be right.
inline std::string raw_frame(unsigned number, std::string_view payload, std::size_t text_size) {
  return u24(payload.size()) + static_cast<char>(number) + u24(text_size) + std::string(payload);
}

inline std::string stored_frame(unsigned number, std::string_view text) {
  return raw_frame(number, text, 0);
}

inline std::string frame(Compression algorithm, unsigned number, std::string_view text) {
  return raw_frame(number, packed(algorithm, text), text.size());
}

}  // namespace dorsal::io::testing
