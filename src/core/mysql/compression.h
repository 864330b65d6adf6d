// What clients and servers agree on about compression when a client logs in. The frames themselves
// are the business of edge/io.
//
// A client asks for zlib with the capability COMPRESS, for zstd with ZSTD_COMPRESSION and a level
// in its log-in request. If it asks for both and both are offered, it gets zlib.
//
// Source: MySQL Server documentation, "Connection Compression Control".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/mysql/protocol.h"

namespace dorsal::mysql {

enum class CompressionMethod { None, Zlib, Zstd };

// What both sides do behind the OK of a log-in that negotiated these capabilities.
CompressionMethod compression_of(std::uint32_t capabilities);

// 0 for None.
std::uint32_t capability_of(CompressionMethod method);

inline constexpr std::uint8_t kLowestZstdLevel = 1;
inline constexpr std::uint8_t kUsualZstdLevel = 3;
inline constexpr std::uint8_t kHighestZstdLevel = 22;

// What a server lets its clients choose from.
struct CompressionOffer {
  bool zlib = true;
  bool zstd = true;
  bool uncompressed = true;  // false: a client has to choose one of the others

  std::uint32_t capabilities() const;
  bool operator==(const CompressionOffer&) const = default;
};

// As the variable protocol_compression_algorithms has it: "zlib,zstd,uncompressed", or some of
// these in any order. Empty for anything else.
std::optional<CompressionOffer> parse_compression_offer(std::string_view text);

}  // namespace dorsal::mysql
