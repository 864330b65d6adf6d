#include "core/mysql/compression.h"

namespace dorsal::mysql {

CompressionMethod compression_of(std::uint32_t capabilities) {
  if ((capabilities & capability::kCompress) != 0) return CompressionMethod::Zlib;
  if ((capabilities & capability::kZstdCompression) != 0) return CompressionMethod::Zstd;
  return CompressionMethod::None;
}

std::uint32_t capability_of(CompressionMethod method) {
  switch (method) {
    case CompressionMethod::Zlib:
      return capability::kCompress;
    case CompressionMethod::Zstd:
      return capability::kZstdCompression;
    case CompressionMethod::None:
      break;
  }
  return 0;
}

std::uint32_t CompressionOffer::capabilities() const {
  return (zlib ? capability::kCompress : 0) | (zstd ? capability::kZstdCompression : 0);
}

std::optional<CompressionOffer> parse_compression_offer(std::string_view text) {
  CompressionOffer offer{false, false, false};
  for (;;) {
    const auto comma = text.find(',');
    const auto name = text.substr(0, comma);
    bool* named = name == "zlib"           ? &offer.zlib
                  : name == "zstd"         ? &offer.zstd
                  : name == "uncompressed" ? &offer.uncompressed
                                           : nullptr;
    if (named == nullptr) return std::nullopt;
    *named = true;
    if (comma == std::string_view::npos) return offer;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace dorsal::mysql
