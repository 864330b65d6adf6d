// Accepts connections on a TCP port or a unix socket.
#pragma once

#include <cstdint>
#include <memory>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/endpoint.h"
#include "edge/io/loop.h"
#include "edge/io/owned_descriptor.h"
#include "edge/io/stream.h"
#include "edge/io/task.h"

namespace dorsal::io {

struct ListenOptions {
  bool reuse_port = false;  // SO_REUSEPORT: the kernel spreads clients over all such listeners
  int backlog = 1024;
  unsigned unix_mode = 0600;  // of a unix socket's file
};

class Listener {
 public:
  using Options = ListenOptions;

  // The host is an IP address, "localhost" or empty. Fails Conflict, in a sentence that names the
  // process, when the port is taken: "port 6033 is in use by mysqlrouter (pid 4242)". A unix
  // socket's file left behind by a dead process is replaced. The loop outlives the Listener.
  static Result<Listener> open(Loop& loop, Endpoint endpoint, Options options = Options());

  // Goes on listening on a socket that another process has passed us.
  static Result<Listener> adopt(Loop& loop, OwnedDescriptor socket);

  ~Listener();
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;

  // The next client. A client that is gone again before it was accepted is passed over; with no
  // file descriptor to spare it pauses for 100 ms and goes on. One accept() at a time. Fails with
  // Timeout, or with Unavailable when cancelled or closed.
  Task<Result<Stream>> accept(Deadline deadline);

  // With the port that was really opened.
  const Endpoint& local_endpoint() const;

  // How often accept() had to pause or to pass over a client, since open().
  std::uint64_t accept_failures() const;

  // For passing it to another process.
  int native_handle() const;

  // Leaves the socket to the process that it was passed to: clients that have come and were not
  // accepted here are that one's. No accept() is under way.
  void leave_to_other_process();

  // At once; an accept() under way ends with Unavailable. Removes a unix socket's file.
  void close();

 private:
  struct State;
  explicit Listener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dorsal::io
