// Begins the compression that a log-in has negotiated.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/mysql/compression.h"
#include "edge/io/stream.h"

namespace dorsal::client {

// Behind the OK of a log-in on either side; nothing happens when none was negotiated. The level is
// that of what this side sends with zstd. already_read is what came behind the log-in.
inline void start_compression(io::Stream& stream,
                              std::uint32_t capabilities,
                              std::uint8_t zstd_level,
                              bool is_server,
                              io::CompressionNumbers* numbers,
                              std::string_view already_read = {}) {
  const auto method = mysql::compression_of(capabilities);
  if (method == mysql::CompressionMethod::None) return;
  io::CompressionOptions options;
  options.algorithm =
      method == mysql::CompressionMethod::Zlib ? io::Compression::Zlib : io::Compression::Zstd;
  options.level = zstd_level;
  options.is_server = is_server;
  options.numbers = numbers;
  stream.start_compression(options, already_read);
}

}  // namespace dorsal::client
