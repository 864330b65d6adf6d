#include "edge/io/passing_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "edge/io/descriptor.h"
#include "edge/io/files.h"
#include "edge/io/socket.h"

namespace dorsal::io {
namespace {

constexpr int kBacklog = 4;

// The address of a path of any length, by way of its folder, which stays open for as long as the
// address is used.
struct Place {
  OwnedDescriptor folder;
  Address address;
};

Result<Place> place_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  Place place;
  place.folder = OwnedDescriptor(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (place.folder.get() < 0) return not_found(parent + ": " + system_error_text(errno));
  const auto name = std::filesystem::path(path).filename().string();
  const auto by_way = "/proc/self/fd/" + std::to_string(place.folder.get()) + "/" + name;
  if (!unix_address(by_way, place.address)) return invalid("too long a name: " + name);
  return place;
}

int open_socket() { return ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

Result<std::unique_ptr<Descriptor>> watch(Loop& loop, OwnedDescriptor socket) {
  auto descriptor = std::make_unique<Descriptor>(loop);
  DORSAL_TRY_VOID(descriptor->open(socket.release()));
  return descriptor;
}

bool is_of_our_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

union Control {
  std::array<char, CMSG_SPACE(PassingSocket::kMostDescriptors * sizeof(int))> bytes;
  cmsghdr alignment;
};

// Every descriptor that came is taken over, whatever else is wrong.
std::vector<OwnedDescriptor> descriptors_in(msghdr& header) {
  std::vector<OwnedDescriptor> found;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof descriptor);
      found.emplace_back(descriptor);
    }
  }
  return found;
}

// An errno value; 0: it is sent.
int try_send(int socket, std::string& text, const std::vector<int>& descriptors) {
  Control control{};
  iovec part{text.data(), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const std::size_t size = descriptors.size() * sizeof(int);
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(size);
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(rights), descriptors.data(), size);
  }
  for (;;) {
    if (::sendmsg(socket, &header, MSG_NOSIGNAL) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

// Empty: there is no message yet.
Result<std::optional<PassingSocket::Message>> try_receive(int socket) {
  std::optional<PassingSocket::Message> message(std::in_place);
  message->text.resize(PassingSocket::kMostBytes);
  Control control{};
  iovec part{message->text.data(), message->text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t size = -1;
  do {
    size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  const bool must_wait = size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  if (must_wait) return std::optional<PassingSocket::Message>();
  if (size < 0) return connection_failure(errno);
  message->descriptors = descriptors_in(header);
  if (size == 0) return unavailable("the other process has closed the connection");
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return corrupt("the message is too large");
  }
  message->text.resize(static_cast<std::size_t>(size));
  return message;
}

}  // namespace

PassingSocket::PassingSocket(std::unique_ptr<Descriptor> descriptor)
    : descriptor_(std::move(descriptor)) {}
PassingSocket::~PassingSocket() = default;
PassingSocket::PassingSocket(PassingSocket&& other) noexcept = default;
PassingSocket& PassingSocket::operator=(PassingSocket&& other) noexcept = default;

Result<PassingSocket> PassingSocket::connect(Loop& loop, const std::string& path) {
  DORSAL_TRY(const auto place, place_of(path));
  OwnedDescriptor socket(open_socket());
  if (socket.get() < 0) return unavailable(system_error_text(errno));
  if (::connect(socket.get(), place.address.get(), place.address.size) != 0) {
    const int error = errno;
    auto message = "nobody listens on " + path + ": " + system_error_text(error);
    if (error == ENOENT || error == ECONNREFUSED) return not_found(std::move(message));
    return unavailable(std::move(message));
  }
  DORSAL_TRY(auto descriptor, watch(loop, std::move(socket)));
  return PassingSocket(std::move(descriptor));
}

Task<Result<void>> PassingSocket::send(std::string text, Deadline deadline) {
  std::vector<int> none;
  return send(std::move(text), std::move(none), deadline);
}

Task<Result<void>> PassingSocket::send(std::string text,
                                       std::vector<int> descriptors,
                                       Deadline deadline) {
  if (text.size() > kMostBytes || descriptors.size() > kMostDescriptors) {
    co_return invalid("the message is too large");
  }
  for (;;) {
    const int error = try_send(descriptor_->native_handle(), text, descriptors);
    if (error == 0) co_return Result<void>();
    if (error != EAGAIN && error != EWOULDBLOCK) co_return connection_failure(error);
    DORSAL_CO_TRY_VOID(co_await descriptor_->wait(Direction::Write, deadline));
  }
}

Task<Result<PassingSocket::Message>> PassingSocket::receive(Deadline deadline) {
  for (;;) {
    auto message = try_receive(descriptor_->native_handle());
    if (!message) co_return message.error();
    if (*message) co_return **std::move(message);
    DORSAL_CO_TRY_VOID(co_await descriptor_->wait(Direction::Read, deadline));
  }
}

PassingListener::PassingListener(std::unique_ptr<Descriptor> descriptor)
    : descriptor_(std::move(descriptor)) {}
PassingListener::~PassingListener() = default;
PassingListener::PassingListener(PassingListener&& other) noexcept = default;
PassingListener& PassingListener::operator=(PassingListener&& other) noexcept = default;

Result<PassingListener> PassingListener::open(Loop& loop, const std::string& path) {
  DORSAL_TRY(const auto place, place_of(path));
  OwnedDescriptor socket(open_socket());
  if (socket.get() < 0) return unavailable(system_error_text(errno));
  ::unlink(path.c_str());
  const bool listens = ::bind(socket.get(), place.address.get(), place.address.size) == 0 &&
                       ::chmod(path.c_str(), 0600) == 0 && ::listen(socket.get(), kBacklog) == 0;
  if (!listens) return unavailable("cannot listen on " + path + ": " + system_error_text(errno));
  DORSAL_TRY(auto descriptor, watch(loop, std::move(socket)));
  return PassingListener(std::move(descriptor));
}

Task<Result<PassingSocket>> PassingListener::accept(Deadline deadline) {
  for (;;) {
    OwnedDescriptor socket(
        ::accept4(descriptor_->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() >= 0) {
      if (!is_of_our_user(socket.get())) continue;
      DORSAL_CO_TRY(auto descriptor, watch(descriptor_->loop(), std::move(socket)));
      co_return PassingSocket(std::move(descriptor));
    }
    const int error = errno;
    if (error == EINTR || error == ECONNABORTED) continue;
    if (error != EAGAIN && error != EWOULDBLOCK) co_return unavailable(system_error_text(error));
    DORSAL_CO_TRY_VOID(co_await descriptor_->wait(Direction::Read, deadline));
  }
}

}  // namespace dorsal::io
