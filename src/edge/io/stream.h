// A connected TCP or unix socket, optionally with TLS on top, and MySQL's compression on top of
// that.
//
// A Stream belongs to one loop. At most one read (read_some, wait_readable) and one write may be
// under way at a time, in the same task or in two; starting TLS counts as both. It may be moved at
// any time and closed at any time, but is destroyed only when no operation is under way.
//
// Failures of all operations:
//   Timeout      the deadline passed. After a read the stream is as good as before; after a write
//                or during the start of TLS it is unknown how much was sent: close it.
//   Unavailable  the other side closed or reset the connection, this side closed it ("the
//                connection is closed"), or the task was cancelled ("cancelled").
//   Corrupt      the bytes are not valid TLS, or not valid compressed frames.
//
// Deadlines are watched by one timer for the whole loop and noticed up to 50 ms late; this costs a
// few nanoseconds. Precision::Exact is for limits of a few milliseconds.
//
// Cost: a read that has to wait is one recv(), a small write one send(). A plain Stream holds less
// than 1 KiB; compression adds half of that while nothing is under way. TCP_NODELAY is on; a silent
// TCP peer is probed after 60 s and given up after 3 more probes, 10 s apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/compression.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::io {

class TlsContext;
struct TlsPeer;
enum class TlsRefusal;

enum class Precision { Coarse, Exact };

class Stream {
 public:
  // A closed stream.
  Stream();
  ~Stream();
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;

  // Takes over a connected stream socket, closing it on failure too. The loop outlives the Stream.
  static Result<Stream> adopt(Loop& loop, int socket);

  // Reads what there is, at least one byte. The buffer outlives the await; size is not 0.
  Task<Result<std::size_t>> read_some(char* buffer,
                                      std::size_t size,
                                      Deadline deadline,
                                      Precision precision = Precision::Coarse);

  // The same without waiting: 0 when nothing is there now.
  Result<std::size_t> try_read(char* buffer, std::size_t size);

  // Sends all. The bytes outlive the await.
  Task<Result<void>> write_all(std::string_view bytes, Deadline deadline);

  // Sends first, then second, gathered into as few packets as possible.
  Task<Result<void>> write_all2(std::string_view first, std::string_view second, Deadline deadline);

  // Sends what the socket takes without waiting and cuts it off the front of bytes. True: all is
  // sent. False: it is not, or the connection failed; in both cases call write_all() with what is
  // left, even when that is empty (TLS and compression may still hold bytes):
  //
  //   if (!stream.try_write(bytes)) DORSAL_CO_TRY_VOID(co_await stream.write_all(bytes, deadline));
  bool try_write(std::string_view& bytes);

  // Returns when a read would not wait: bytes, or the end, have come. Idle connections wait here,
  // without a buffer. May now and then return early.
  Task<Result<void>> wait_readable(Deadline deadline, Precision precision = Precision::Coarse);

  // The server's side of TLS. What this side has read beyond the request for TLS already belongs to
  // TLS: hand it in. Bytes injected there fail the handshake.
  Task<Result<void>> start_tls_server(const TlsContext& context,
                                      Deadline deadline,
                                      std::string_view already_read = {});

  // The client's side. A server sends nothing before this side speaks TLS, so already_read, if not
  // empty, was injected: Corrupt. server_name is what the certificate must carry when the context
  // verifies names (a DNS name or an IP address), and is sent as SNI; it may be empty otherwise. A
  // certificate that is refused is Invalid.
  Task<Result<void>> start_tls_client(const TlsContext& context,
                                      const std::string& server_name,
                                      Deadline deadline,
                                      std::string_view already_read = {});

  // From now on both sides send MySQL's compressed frames: the end of a log-in that has negotiated
  // it. Neither side has anything under way. What this side has read beyond the log-in already
  // belongs to the frames: hand it in. What is written must be whole packets in the long run, what
  // is read are packets; their numbers may be others than without compression on the client's side
  // (see frame_numbers.h). May be called once, behind start_tls_*().
  void start_compression(const CompressionOptions& options, std::string_view already_read = {});

  // The server's side has read a command and begins to answer it; tells compression how to number
  // the frames of the answer. Nothing happens without compression.
  void begin_reply();

  bool is_compressed() const;
  bool is_tls() const;
  std::string tls_version() const;  // "TLSv1.3"; empty without TLS
  std::string tls_cipher() const;   // "TLS_AES_256_GCM_SHA384"; empty without TLS

  TlsPeer tls_peer() const;  // empty without TLS

  TlsRefusal tls_refusal() const;  // why start_tls_*() has failed; None if it has not, or timed out

  // Tells the other side that no more bytes will come; reading goes on.
  void shutdown_write();

  // shutdown_write(), and then throws away what the other side still sends, until it closes, the
  // deadline passes or 256 KiB have come. Closing with unread bytes would reset the connection, and
  // the other side might never see what was sent last: why it is refused, say. Nothing else is
  // under way, and close() is all that may follow.
  Task<> linger(Deadline deadline);

  // At once, also with operations under way: they end with Unavailable. May be called again.
  void close();
  bool is_open() const;

  // Textual IP address without brackets, as it was when connected; empty for a unix socket.
  std::string peer_address() const;
  std::uint16_t peer_port() const;  // 0 for a unix socket
  std::string peer() const;         // "127.0.0.1:6041", "[::1]:6041" or "unix socket"

  int native_handle() const;  // -1 when closed

 private:
  struct State;
  explicit Stream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dorsal::io
