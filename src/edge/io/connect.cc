#include "edge/io/connect.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "edge/io/descriptor.h"
#include "edge/io/files.h"
#include "edge/io/refusals.h"
#include "edge/io/resolver.h"
#include "edge/io/socket.h"

namespace dorsal::io {
namespace {

// A unix socket whose backlog is full says so at once; only trying again helps.
constexpr Duration kBacklogPause = std::chrono::milliseconds(5);

Error refused(int error_number) { return unavailable(system_error_text(error_number)); }

// The outcome of a connect() that was still in progress.
Result<void> pending_outcome(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return refused(error);
  return {};
}

Task<Result<Stream>> connect_to(Loop& loop, Address address, Deadline deadline) {
  Descriptor descriptor(loop);
  int socket = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) co_return refused(errno);
  while (::connect(socket, address.get(), address.size) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN && !deadline.has_passed(loop.now())) {
      auto again = deadline.earlier_of(loop.after(kBacklogPause));
      if (co_await loop.sleep_until(again)) continue;
      ::close(socket);
      co_return unavailable("cancelled");
    }
    if (errno != EINPROGRESS) {
      int error = errno;
      ::close(socket);
      co_return error == EAGAIN ? timeout("the server's queue is full") : refused(error);
    }
    DORSAL_CO_TRY_VOID(descriptor.open(socket));
    auto ready = co_await descriptor.wait(Direction::Write, deadline);
    if (!ready && ready.error().kind == ErrorKind::Timeout) {
      co_return timeout("no answer before the deadline");
    }
    if (!ready) co_return ready.error();
    DORSAL_CO_TRY_VOID(pending_outcome(socket));
    socket = descriptor.release();
    break;
  }
  co_return Stream::adopt(loop, socket);
}

// An address that does not answer leaves the later ones their share of the time.
Deadline share(Loop& loop, Deadline deadline, std::size_t addresses_left) {
  if (deadline.is_never() || addresses_left <= 1) return deadline;
  auto now = loop.now();
  return Deadline::after(now, deadline.left(now) / static_cast<long>(addresses_left));
}

Task<Result<Stream>> connect_to_any(Loop& loop, std::vector<Address> addresses, Deadline deadline) {
  Result<Stream> stream = unavailable("no address");
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    stream = co_await connect_to(loop, addresses[i], share(loop, deadline, addresses.size() - i));
    if (stream || co_await cancelled()) break;
  }
  co_return stream;
}

Task<Result<std::vector<Address>>> addresses_of(Loop& loop, Endpoint endpoint, Deadline deadline) {
  if (!endpoint.is_unix()) {
    co_return co_await loop.resolver().resolve(loop, endpoint.host, endpoint.port, deadline);
  }
  Address address;
  if (!unix_address(endpoint.unix_path, address)) {
    co_return invalid("the path is too long for a unix socket");
  }
  co_return std::vector<Address>(1, address);
}

}  // namespace

Task<Result<Stream>> connect(Loop& loop, Endpoint endpoint, Deadline deadline) {
  auto context = "cannot connect to " + to_string(endpoint);
  if (co_await cancelled()) co_return loop.refusals().refuse().in(context);
  auto addresses = co_await addresses_of(loop, endpoint, deadline);
  if (!addresses) co_return addresses.error().in(context);
  auto stream = co_await connect_to_any(loop, *std::move(addresses), deadline);
  co_return std::move(stream).in(context);
}

}  // namespace dorsal::io
