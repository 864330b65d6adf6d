// TLS without a socket: turns bytes from the network into text and back. For Stream.
//
// Nothing here waits. Bytes from the network go in through feed(); what is to be sent is in
// output(). An idle engine holds no buffers beyond what OpenSSL needs for its keys.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "edge/io/tls.h"

struct bio_st;
struct ssl_st;

namespace dorsal::io {

class TlsEngine {
 public:
  // server_name counts for a client only.
  static Result<std::unique_ptr<TlsEngine>> make(const TlsContext& context,
                                                 const std::string& server_name);
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  void feed(std::string_view bytes) { input_.append(bytes); }

  // True when the handshake is complete; false when it needs more input. In all cases output() is
  // to be sent: on failure it holds the alert that tells the other side why.
  Result<bool> handshake();

  // Text that has been received: 0 when more input is needed. May leave output() to be sent.
  Result<std::size_t> read(char* buffer, std::size_t size);

  // True when read() would give text or a failure.
  bool has_text();

  // Encrypts all of the text into output().
  Result<void> write(std::string_view text);

  // Puts the notice that no more text will come into output().
  void say_goodbye();

  // The bytes to be sent; stays valid until the next call. sent() cuts them off the front.
  std::string_view output() const { return std::string_view(output_).substr(output_begin_); }
  void sent(std::size_t count);

  // Gives back the memory of empty buffers.
  void trim();

  std::string version() const;
  std::string cipher() const;
  TlsPeer peer() const;
  TlsRefusal refusal() const { return refusal_; }  // after handshake() has failed

 private:
  friend struct TlsEngineBio;

  explicit TlsEngine(ssl_st* ssl, bool is_server);
  Result<void> expect_name(const std::string& name);
  Error failure(int outcome);

  ssl_st* ssl_;
  bool is_server_;
  TlsRefusal refusal_ = TlsRefusal::None;
  std::string input_;
  std::size_t input_begin_ = 0;
  std::string output_;
  std::size_t output_begin_ = 0;
};

}  // namespace dorsal::io
