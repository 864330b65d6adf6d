// MySQL's compressed protocol without a socket: turns frames into packets and back. For Stream.
//
//   frame = length:3  number:1  length before compression:3  payload[length]
//
// The payload is zlib or zstd data, or, where the second length is 0, the bytes themselves. Frames
// and packets know nothing of each other: a frame holds any piece of the stream of packets. What is
// short, or does not get shorter, is stored as it is. See frame_numbers.h for the numbers.
//
// Nothing here waits. Bytes from the network go in through feed(); what is to be sent is in
// output(). Received frames are decompressed as they come, in pieces, so that a frame that claims
// 16 MiB costs memory only as its reader takes them: for zlib 40 KiB while it is under way, for
// zstd what its window takes, at most 16 MiB. Between frames a codec holds no buffers. The last
// byte of a frame is handed out only when all of it has proved to be sound, so that no command is
// executed whose checksum is wrong.
//
// Two things are stricter than at the server: the second length must be exact, and nothing may
// stand behind the end of the zlib data.
//
// Source: MySQL Server documentation, "Compression"; sql-common/net_serv.cc, mysys/my_compress.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "edge/io/compressors.h"
#include "edge/io/frame_numbers.h"

namespace dorsal::io {

class FrameCodec {
 public:
  // The compressors outlive the codec.
  FrameCodec(Compressors& compressors, const CompressionOptions& options);
  ~FrameCodec();
  FrameCodec(const FrameCodec&) = delete;
  FrameCodec& operator=(const FrameCodec&) = delete;

  void feed(std::string_view bytes) { input_.append(bytes); }

  // Packets that have been received: 0 when more input is needed. Corrupt when a frame is not
  // sound, and from then on. On the server's side at most one frame's, so that its owner, who reads
  // until a command is whole, does not read into the next one that comes in a frame of its own.
  Result<std::size_t> read(char* buffer, std::size_t size);

  // True when read() would give packets or a failure.
  bool has_packets();

  // Puts packets, or pieces of packets, into output() as frames. Takes a few milliseconds for
  // kMostPackets bytes; whoever has more lets others have their turn in between. A beginning of a
  // packet's header is kept until its end comes.
  void write(std::string_view packets);

  // The bytes to be sent; stays valid until the next call. sent() cuts them off the front.
  std::string_view output() const { return std::string_view(output_).substr(output_begin_); }
  void sent(std::size_t count);

  // See FrameNumbers.
  void begin_reply() { numbers_.begin_reply(); }

  // Gives back the memory of empty buffers.
  void trim();

  // The most that one frame of ours holds: what a relay makes of one read, with room to spare.
  static constexpr std::size_t kMostPackets = std::size_t{80} << 10;

 private:
  static constexpr std::size_t kHeaderSize = 7;

  Result<std::size_t> produce(char* buffer, std::size_t size);
  Result<bool> open_frame();
  std::size_t copy(char* buffer, std::size_t size);
  Result<std::size_t> decompress(char* buffer, std::size_t size);
  Result<std::size_t> step(char* buffer, std::size_t size);
  Result<bool> complete();
  void close_frame();
  void append_frame(std::uint8_t number, std::string_view packets);

  std::string_view input() const { return std::string_view(input_).substr(input_begin_); }
  void take_input(std::size_t count);

  Compressors& compressors_;
  const CompressionOptions options_;
  FrameNumbers numbers_;

  std::string input_;
  std::size_t input_begin_ = 0;
  bool in_frame_ = false;
  std::uint32_t payload_left_ = 0;              // bytes of the frame still to come
  std::uint32_t packets_left_ = 0;              // bytes still to be made of them; compressed only
  std::unique_ptr<Decompressor> decompressor_;  // null in a frame that is stored as it is
  std::optional<char> held_;    // the frame's last byte, until the frame is complete
  std::optional<char> peeked_;  // made by has_packets()
  std::optional<Error> failure_;

  std::string output_;
  std::size_t output_begin_ = 0;
  std::string header_piece_;  // written without its rest
};

}  // namespace dorsal::io
