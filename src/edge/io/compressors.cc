#include "edge/io/compressors.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/check.h"

namespace dorsal::io {
namespace {

// Whoever shares the loop waits while it compresses. These levels take 1 to 2 ms for 64 KiB; beyond
// them a few percent more cost ten times as long.
constexpr int kZlibLevel = 2;
constexpr int kMostZstdLevel = 9;

// No frame holds more than 2^24 bytes, so nothing farther back can be referred to.
constexpr int kZstdWindowLog = 24;

constexpr std::size_t kMostSpare = 4;
constexpr std::size_t kLarge = std::size_t{512} << 10;

Bytef* bytes_of(const char* text) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text));
}

}  // namespace

Decompressor::Decompressor(Compression algorithm) : algorithm_(algorithm) {
  if (algorithm_ == Compression::Zlib) {
    zlib_ = std::make_unique<z_stream_s>();
    DORSAL_CHECK(inflateInit(zlib_.get()) == Z_OK);
    return;
  }
  zstd_ = ZSTD_createDCtx();
  DORSAL_CHECK(zstd_ != nullptr);
  auto set = ZSTD_DCtx_setParameter(zstd_, ZSTD_d_windowLogMax, kZstdWindowLog);
  DORSAL_CHECK(ZSTD_isError(set) == 0);
}

Decompressor::~Decompressor() {
  if (zlib_ != nullptr) inflateEnd(zlib_.get());
  ZSTD_freeDCtx(zstd_);
}

void Decompressor::reset() {
  is_complete_ = false;
  if (zlib_ != nullptr) {
    inflateReset(zlib_.get());
  } else {
    ZSTD_DCtx_reset(zstd_, ZSTD_reset_session_only);
  }
}

Result<std::size_t> Decompressor::step(std::string_view& input, char* text, std::size_t room) {
  return zlib_ != nullptr ? step_zlib(input, text, room) : step_zstd(input, text, room);
}

Result<std::size_t> Decompressor::step_zlib(std::string_view& input, char* text, std::size_t room) {
  if (is_complete_) return std::size_t{0};
  zlib_->next_in = bytes_of(input.data());
  zlib_->avail_in = static_cast<uInt>(input.size());
  zlib_->next_out = bytes_of(text);
  zlib_->avail_out = static_cast<uInt>(room);
  int outcome = inflate(zlib_.get(), Z_NO_FLUSH);
  input.remove_prefix(input.size() - zlib_->avail_in);
  is_complete_ = outcome == Z_STREAM_END;
  // Z_BUF_ERROR only says that nothing could be done without more input or room.
  if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR) {
    return corrupt("not valid zlib data");
  }
  return room - zlib_->avail_out;
}

Result<std::size_t> Decompressor::step_zstd(std::string_view& input, char* text, std::size_t room) {
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  ZSTD_outBuffer out{text, room, 0};
  for (;;) {
    const auto before = in.pos + out.pos;
    auto left = ZSTD_decompressStream(zstd_, &out, &in);
    if (ZSTD_isError(left) != 0) return corrupt("not valid zstd data");
    const bool has_moved = in.pos + out.pos != before;
    if (has_moved) is_complete_ = left == 0;
    if (!has_moved || out.pos == room || (in.pos == in.size && left == 0)) break;
  }
  input.remove_prefix(in.pos);
  return out.pos;
}

bool Decompressor::is_large() const { return zstd_ != nullptr && ZSTD_sizeof_DCtx(zstd_) > kLarge; }

Compressors::Compressors() = default;

Compressors::~Compressors() {
  if (zlib_ != nullptr) deflateEnd(zlib_.get());
  ZSTD_freeCCtx(zstd_);
}

bool Compressors::compress(Compression algorithm,
                           int level,
                           std::string_view text,
                           std::string& out) {
  const auto before = out.size();
  if (text.size() < 2) return false;
  const auto room = text.size() - 1;
  out.resize(before + room);
  auto size = algorithm == Compression::Zlib
                  ? compress_zlib(text, out.data() + before, room)
                  : compress_zstd(level, text, out.data() + before, room);
  out.resize(before + size);
  return size > 0;
}

// The size of the result; 0 when there is not room enough.
std::size_t Compressors::compress_zlib(std::string_view text, char* out, std::size_t room) {
  if (zlib_ == nullptr) {
    zlib_ = std::make_unique<z_stream_s>();
    DORSAL_CHECK(deflateInit(zlib_.get(), kZlibLevel) == Z_OK);
  }
  deflateReset(zlib_.get());
  zlib_->next_in = bytes_of(text.data());
  zlib_->avail_in = static_cast<uInt>(text.size());
  zlib_->next_out = bytes_of(out);
  zlib_->avail_out = static_cast<uInt>(room);
  if (deflate(zlib_.get(), Z_FINISH) != Z_STREAM_END) return 0;
  return room - zlib_->avail_out;
}

std::size_t Compressors::compress_zstd(int level,
                                       std::string_view text,
                                       char* out,
                                       std::size_t room) {
  if (zstd_ == nullptr) zstd_ = ZSTD_createCCtx();
  DORSAL_CHECK(zstd_ != nullptr);
  const int level_taken = std::clamp(level, 1, kMostZstdLevel);
  auto size = ZSTD_compressCCtx(zstd_, out, room, text.data(), text.size(), level_taken);
  return ZSTD_isError(size) != 0 ? 0 : size;
}

std::unique_ptr<Decompressor> Compressors::lend(Compression algorithm) {
  for (auto& spare : spare_) {
    if (spare->algorithm() != algorithm) continue;
    auto lent = std::move(spare);
    spare = std::move(spare_.back());
    spare_.pop_back();
    lent->reset();
    return lent;
  }
  return std::make_unique<Decompressor>(algorithm);
}

void Compressors::take_back(std::unique_ptr<Decompressor> decompressor) {
  if (spare_.size() < kMostSpare && !decompressor->is_large()) {
    spare_.push_back(std::move(decompressor));
  }
}

}  // namespace dorsal::io
