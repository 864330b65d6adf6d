// Finds the addresses of a host name without blocking the loop.
//
// getaddrinfo() blocks, cannot be cancelled and may hang for half a minute, so each look-up has a
// thread of its own that is left behind when nobody waits for it any more. At most 32 run at a time
// for one loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/socket.h"
#include "edge/io/task.h"

namespace dorsal::io {

class Loop;

class Resolver {
 public:
  // At least one address. IP addresses and "localhost" (127.0.0.1, then ::1) need no look-up.
  // Unavailable when the name is not known, Timeout at the deadline.
  Task<Result<std::vector<Address>>> resolve(Loop& loop,
                                             std::string host,
                                             std::uint16_t port,
                                             Deadline deadline);

 private:
  // Shared with the threads, which may outlive this object.
  std::shared_ptr<std::atomic<int>> running_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace dorsal::io
