#include "edge/io/listener.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <cerrno>
#include <utility>

#include "edge/io/descriptor.h"
#include "edge/io/files.h"
#include "edge/io/port_holder.h"
#include "edge/io/refusals.h"
#include "edge/io/socket.h"

namespace dorsal::io {
namespace {

constexpr Duration kPause = std::chrono::milliseconds(100);

// How many clients in a row are taken before the loop's other tasks get their turn.
constexpr int kAcceptsPerTurn = 16;

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

Error port_taken(const Endpoint& endpoint) {
  auto who = process_listening_on(endpoint);
  return conflict("port " + std::to_string(endpoint.port) + " is in use" +
                  (who ? " by " + *who : ""));
}

Result<Address> address_of(const Endpoint& endpoint) {
  Address address;
  if (endpoint.is_unix()) {
    if (unix_address(endpoint.unix_path, address)) return address;
    return invalid("the path is too long for a unix socket: " + endpoint.unix_path);
  }
  auto host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  if (host.empty()) {
    // One socket for IPv4 and IPv6, unless this machine has no IPv6.
    int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    host = probe >= 0 ? "::" : "0.0.0.0";
    if (probe >= 0) ::close(probe);
  }
  if (parse_address(host, endpoint.port, address)) return address;
  return invalid("cannot listen on \"" + endpoint.host + "\": not an IP address");
}

// True when nobody accepts there: the file is a dead process's.
bool is_stale(const Address& address) {
  int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  bool is_refused = ::connect(socket, address.get(), address.size) != 0 && errno == ECONNREFUSED;
  ::close(socket);
  return is_refused;
}

// Binds and listens; returns an errno value.
int bind_and_listen(int socket, const Address& address, const ListenOptions& options) {
  if (address.family() != AF_UNIX) {
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.reuse_port) set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1);
    if (address.family() == AF_INET6) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  if (::bind(socket, address.get(), address.size) != 0) return errno;
  if (::listen(socket, options.backlog) != 0) return errno;
  return 0;
}

std::uint16_t local_port(int socket) {
  Address address;
  address.size = sizeof address.storage;
  ::getsockname(socket, address.get(), &address.size);
  return port_of(address);
}

bool is_out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

struct Listener::State {
  explicit State(Loop& loop) : descriptor(loop) {}
  ~State() { close(); }

  void close() {
    if (descriptor.is_open() && endpoint.is_unix()) ::unlink(endpoint.unix_path.c_str());
    descriptor.close();
  }

  Task<Result<Stream>> accept(Deadline deadline);
  Task<Result<void>> overcome(int error, Deadline deadline);

  Descriptor descriptor;
  Endpoint endpoint;
  std::uint64_t failures = 0;
  int accepts_in_turn = 0;
};

Result<Listener> Listener::open(Loop& loop, Endpoint endpoint, Options options) {
  DORSAL_TRY(auto address, address_of(endpoint));
  auto context = "cannot listen on " + to_string(endpoint);
  int socket = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return unavailable(system_error_text(errno)).in(context);
  int error = bind_and_listen(socket, address, options);
  if (error == EADDRINUSE && endpoint.is_unix() && is_stale(address)) {
    ::unlink(endpoint.unix_path.c_str());
    error = bind_and_listen(socket, address, options);
  }
  if (error != 0) {
    ::close(socket);
    if (error != EADDRINUSE) return unavailable(system_error_text(error)).in(context);
    if (!endpoint.is_unix()) return port_taken(endpoint);
    return conflict(context + ": another process accepts there");
  }
  auto state = std::make_unique<State>(loop);
  if (endpoint.is_unix()) {
    ::chmod(endpoint.unix_path.c_str(), options.unix_mode);
  } else {
    endpoint.port = local_port(socket);
  }
  state->endpoint = std::move(endpoint);
  DORSAL_TRY_VOID(state->descriptor.open(socket));
  return Listener(std::move(state));
}

Result<Listener> Listener::adopt(Loop& loop, OwnedDescriptor socket) {
  Address address;
  address.size = sizeof address.storage;
  if (::getsockname(socket.get(), address.get(), &address.size) != 0) {
    return invalid("not a socket: " + system_error_text(errno));
  }
  int listens = 0;
  socklen_t size = sizeof listens;
  const bool is_known = ::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0;
  if (!is_known || listens == 0) return invalid("not a socket that listens");
  auto state = std::make_unique<State>(loop);
  state->endpoint = Endpoint(host_of(address), port_of(address));
  DORSAL_TRY_VOID(state->descriptor.open(socket.release()));
  return Listener(std::move(state));
}

Listener::Listener(std::unique_ptr<State> state) : state_(std::move(state)) {}
Listener::~Listener() = default;
Listener::Listener(Listener&& other) noexcept = default;
Listener& Listener::operator=(Listener&& other) noexcept = default;

// Success: try again. Failures of one client, or of a moment, are not the listener's.
Task<Result<void>> Listener::State::overcome(int error, Deadline deadline) {
  auto& loop = descriptor.loop();
  if (error == EAGAIN || error == EWOULDBLOCK) {
    accepts_in_turn = 0;
    co_return co_await descriptor.wait(Direction::Read, deadline);
  }
  if (error == EBADF || error == EINVAL || error == ENOTSOCK) {
    co_return unavailable("cannot accept: " + system_error_text(error));
  }
  if (error == EINTR) co_return Result<void>();
  ++failures;
  if (is_out_of_resources(error)) {
    if (deadline.has_passed(loop.now())) co_return timeout("no file descriptor to spare");
    co_await loop.sleep_until(deadline.earlier_of(loop.after(kPause)));
    if (!descriptor.is_open()) co_return unavailable("the listener is closed");
  }
  co_return Result<void>();
}

Task<Result<Stream>> Listener::State::accept(Deadline deadline) {
  auto& loop = descriptor.loop();
  if (++accepts_in_turn >= kAcceptsPerTurn) {
    accepts_in_turn = 0;
    co_await asio::post(use_task);
  }
  while (!co_await cancelled()) {
    if (!descriptor.is_open()) co_return unavailable("the listener is closed");
    int socket =
        ::accept4(descriptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) co_return Stream::adopt(loop, socket);
    DORSAL_CO_TRY_VOID(co_await overcome(errno, deadline));
  }
  co_return loop.refusals().refuse();
}

Task<Result<Stream>> Listener::accept(Deadline deadline) { return state_->accept(deadline); }
const Endpoint& Listener::local_endpoint() const { return state_->endpoint; }
std::uint64_t Listener::accept_failures() const { return state_->failures; }
int Listener::native_handle() const { return state_->descriptor.native_handle(); }
void Listener::close() { state_->close(); }

// Closing alone would leave the loop watching it, as long as the other process has it open.
void Listener::leave_to_other_process() {
  if (state_->descriptor.is_open()) ::close(state_->descriptor.release());
}

}  // namespace dorsal::io
