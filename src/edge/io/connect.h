// Opens a connection.
#pragma once

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/endpoint.h"
#include "edge/io/loop.h"
#include "edge/io/stream.h"
#include "edge/io/task.h"

namespace dorsal::io {

// Tries the addresses of the host one after the other. Names are looked up on a thread of their
// own; IP addresses and "localhost" need none. Failures read like "cannot connect to
// 127.0.0.1:6041: Connection refused":
//   Unavailable  refused, unreachable, or the name is not known
//   Timeout      the deadline passed
//   Invalid      the endpoint can never work, such as a socket path that is too long
Task<Result<Stream>> connect(Loop& loop, Endpoint endpoint, Deadline deadline);

}  // namespace dorsal::io
