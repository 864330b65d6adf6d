// What lies between a stream's socket and its user: TLS, compression, both, or nothing. For Stream.
//
// Nothing here waits. Bytes from the socket go in through feed(), text comes out of read(); text
// goes in through write(), and output() is to be sent.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "edge/io/frame_codec.h"
#include "edge/io/tls_engine.h"

namespace dorsal::io {

class Layers {
 public:
  // Without layers none of the calls behind these three is of use.
  bool is_empty() const { return tls_ == nullptr && frames_ == nullptr; }
  TlsEngine* tls() { return tls_.get(); }
  FrameCodec* frames() { return frames_.get(); }

  Result<void> start_tls(const TlsContext& context, const std::string& server_name);
  void start_compression(Compressors& compressors, const CompressionOptions& options);

  void feed(std::string_view bytes);

  // Text that has been received: 0 when more input is needed. May leave output() to be sent.
  Result<std::size_t> read(char* buffer, std::size_t size);

  // True when read() would give text or a failure.
  bool has_text();

  // Puts all of the text, at most largest_write() bytes, into output().
  Result<void> write(std::string_view text);
  std::size_t largest_write() const;

  // The bytes to be sent; stays valid until the next call. sent() cuts them off the front.
  std::string_view output() const { return tls_ != nullptr ? tls_->output() : frames_->output(); }
  void sent(std::size_t count);

  // Gives back the memory of empty buffers.
  void trim();

 private:
  Result<bool> decrypt_frames();

  std::unique_ptr<TlsEngine> tls_;
  std::unique_ptr<FrameCodec> frames_;
};

}  // namespace dorsal::io
