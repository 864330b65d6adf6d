// How a Stream compresses: see Stream::start_compression().
#pragma once

#include "base/counters.h"

namespace dorsal::io {

enum class Compression { Zlib, Zstd };

// Bytes that compressed streams have moved: as they went over the wire with their frames' headers,
// and the packets in them.
struct CompressionNumbers {
  Number& received;
  Number& received_packets;
  Number& sent;
  Number& sent_packets;
};

struct CompressionOptions {
  Compression algorithm = Compression::Zlib;
  int level = 3;                          // of what is sent, for zstd: 1 to 22
  bool is_server = false;                 // which side of a MySQL connection this is
  CompressionNumbers* numbers = nullptr;  // may be null; outlives the stream
};

}  // namespace dorsal::io
