// Frames of the compressed protocol, from clients and from servers: whatever comes, memory stays
// bounded and a failure stays one. What one side makes of packets, the other side reads the same.
#include "base/bytes.h"
#include "core/mysql/packet.h"
#include "edge/io/frame_codec.h"
#include "fuzz_input.h"

namespace dorsal::io {
namespace {

using fuzz::require;

constexpr std::size_t kBuffer = 4096;

// What comes out until more is needed; empty after a failure, which stays.
std::optional<std::string> read_all(FrameCodec& codec) {
  std::string packets;
  char buffer[kBuffer];
  for (;;) {
    const auto size = codec.read(buffer, sizeof(buffer));
    if (!size) {
      require(!codec.read(buffer, sizeof(buffer)));
      return std::nullopt;
    }
    if (*size == 0) return packets;
    require(*size <= sizeof(buffer));
    packets.append(buffer, *size);
    // Of a bomb, the beginning is enough.
    if (packets.size() > (std::size_t{64} << 10)) return packets;
  }
}

void check_frames(std::string_view bytes, std::uint8_t cuts, const CompressionOptions& options) {
  Compressors compressors;
  FrameCodec codec(compressors, options);
  for (const auto piece : fuzz::cut(bytes, cuts)) {
    codec.feed(piece);
    if (!read_all(codec)) return;
  }
  codec.trim();
}

// A command of the client's, of any content.
void check_round_trip(std::string_view payload, std::uint8_t cuts, CompressionOptions options) {
  Compressors compressors;
  options.is_server = false;
  FrameCodec client(compressors, options);
  options.is_server = true;
  FrameCodec server(compressors, options);
  std::string packets;
  mysql::append_command(packets, payload);
  std::string read;
  for (const auto piece : fuzz::cut(packets, cuts)) {
    client.write(piece);
    while (!client.output().empty()) {
      const auto size = std::min<std::size_t>(client.output().size(), 100);
      server.feed(client.output().substr(0, size));
      client.sent(size);
      const auto more = read_all(server);
      require(more.has_value());
      read += *more;
    }
  }
  require(read == packets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  CompressionOptions options;
  const auto choice = input.u8();
  options.algorithm = (choice & 1) != 0 ? Compression::Zstd : Compression::Zlib;
  options.is_server = (choice & 2) != 0;
  const auto cuts = input.u8();
  if ((choice & 4) != 0) {
    check_round_trip(input.rest(), cuts, options);
  } else {
    check_frames(input.rest(), cuts, options);
  }
  return 0;
}

}  // namespace dorsal::io
