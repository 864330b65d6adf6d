// HTTP requests over libcurl, many at a time, none of which ever stops the event loop.
//
// libcurl does its work on one thread of this object's own, which also pays for TLS; the loop and
// that thread take turns, so they share nothing. Names are looked up by the loop's resolver, never
// by libcurl. Redirections are not followed, proxies of the environment not used, and a request is
// sent at most once: where libcurl would repeat one by itself, because a connection that it had
// kept was closed, the request fails instead. Methods run on the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/endpoint.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::coord {

// PEM files; they are read again for each new connection.
struct HttpTls {
  std::string authority;    // empty: those of the system
  std::string certificate;  // to show; empty: none
  std::string key;
};

struct HttpRequest {
  io::Endpoint endpoint;  // the server's certificate must be for this host
  bool uses_tls = false;
  std::string path;  // "/v3/kv/range"
  std::vector<std::string> headers;
  std::string body;                               // it is a POST; wiped after use
  std::size_t most_bytes = std::size_t{4} << 20;  // of the answer, or of what is unread of a stream
};

struct HttpOutcome {
  int status = 0;  // 0: no complete answer came, and reason says why
  std::string body;
  std::string reason;
  bool may_have_arrived = false;  // false: not a byte of the body has left this machine
  bool is_late = false;           // the reason is the deadline
};

class HttpTransfers {
 public:
  // The loop outlives it.
  HttpTransfers(io::Loop& loop, HttpTls tls);
  // Nobody may be waiting for an answer. Not inside the loop.
  ~HttpTransfers();
  HttpTransfers(const HttpTransfers&) = delete;
  HttpTransfers& operator=(const HttpTransfers&) = delete;

  // Cancelled, it leaves the request at once.
  io::Task<HttpOutcome> post(HttpRequest request, Deadline deadline);

 private:
  friend class HttpStream;
  struct Impl;
  struct Waiter;
  class Use;

  io::Task<Result<std::string>> resolve(io::Endpoint endpoint, Deadline deadline);

  io::Loop& loop_;
  std::unique_ptr<Impl> impl_;
};

// An answer that goes on and on, read as it comes: open read*.
class HttpStream {
 public:
  explicit HttpStream(HttpTransfers& transfers);
  ~HttpStream();
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  // Sends the request. The deadline is for looking up the server's name.
  io::Task<Result<void>> open(HttpRequest request, Deadline deadline);

  // What has come since the last call, at least one byte. Timeout: nothing came by then, it may be
  // called again. Unavailable: it has ended, and how. Bytes of an answer with another status than
  // 200 come all the same; see status().
  io::Task<Result<std::string>> read(Deadline deadline);

  int status() const;  // 0 before the first byte

 private:
  HttpTransfers& transfers_;
  std::unique_ptr<HttpTransfers::Use> use_;
};

}  // namespace dorsal::coord
