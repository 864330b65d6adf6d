// zlib and zstd, for the compressed streams of one loop.
//
// Their working memory is large (up to 3 MiB to compress, 40 KiB or 160 KiB to decompress), so
// streams do not own any: compressing is done in one go with what the loop has, and a Decompressor
// is lent to a stream for as long as it is in the middle of a frame.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "edge/io/compression.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;
struct z_stream_s;

namespace dorsal::io {

// Takes one compressed text apart, in pieces of any size.
class Decompressor {
 public:
  explicit Decompressor(Compression algorithm);
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  Compression algorithm() const { return algorithm_; }

  // Begins another text.
  void reset();

  // Turns input, which it cuts off the front, into text, until the room is full, the input used up,
  // or the text complete. Returns the number of bytes of text. Corrupt for what is not compressed
  // data, and for zstd with a window beyond 16 MiB, which no frame can need.
  Result<std::size_t> step(std::string_view& input, char* text, std::size_t room);

  // The text has come to its end and its checksum is right.
  bool is_complete() const { return is_complete_; }

  // What zstd has completed may go on with another piece; zlib ends once.
  bool may_go_on() const { return !is_complete_ || algorithm_ == Compression::Zstd; }

  // True for one that a large window has made too large to be kept.
  bool is_large() const;

 private:
  Result<std::size_t> step_zlib(std::string_view& input, char* text, std::size_t room);
  Result<std::size_t> step_zstd(std::string_view& input, char* text, std::size_t room);

  const Compression algorithm_;
  std::unique_ptr<z_stream_s> zlib_;
  ZSTD_DCtx_s* zstd_ = nullptr;
  bool is_complete_ = false;
};

class Compressors {
 public:
  Compressors();
  ~Compressors();
  Compressors(const Compressors&) = delete;
  Compressors& operator=(const Compressors&) = delete;

  // Appends the compressed text to out. False, and out is as before, when that would be no shorter
  // than the text. The level counts for zstd; one above 9 is taken for 9 (see
  // docs/decisions/compression-levels.md).
  bool compress(Compression algorithm, int level, std::string_view text, std::string& out);

  std::unique_ptr<Decompressor> lend(Compression algorithm);
  void take_back(std::unique_ptr<Decompressor> decompressor);

 private:
  std::size_t compress_zlib(std::string_view text, char* out, std::size_t room);
  std::size_t compress_zstd(int level, std::string_view text, char* out, std::size_t room);

  std::unique_ptr<z_stream_s> zlib_;
  ZSTD_CCtx_s* zstd_ = nullptr;
  std::vector<std::unique_ptr<Decompressor>> spare_;
};

}  // namespace dorsal::io
