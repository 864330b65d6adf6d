#include "edge/io/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "edge/io/files.h"

namespace dorsal::io {
namespace {

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

// What TCP_INQ reports; 1 when it is the end of the stream that is left; -1 without a report.
int left_in_socket(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_TCP || part->cmsg_type != TCP_CM_INQ) continue;
    int left = 0;
    std::memcpy(&left, CMSG_DATA(part), sizeof left);
    return left;
  }
  return -1;
}

}  // namespace

Result<Transfer> receive(int socket, char* buffer, std::size_t size, bool tells_rest) {
  Transfer transfer;
  ssize_t count = 0;
  do {
    if (tells_rest) {
      iovec part{buffer, size};
      alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control;
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      count = ::recvmsg(socket, &message, 0);
      if (count > 0) transfer.is_drained = left_in_socket(message) == 0;
    } else {
      count = ::recv(socket, buffer, size, 0);
    }
  } while (count < 0 && errno == EINTR);
  if (count == 0) return unavailable("the other side closed the connection");
  if (count < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK) return connection_failure(errno);
    transfer.would_block = true;
    transfer.is_drained = true;
    return transfer;
  }
  transfer.count = static_cast<std::size_t>(count);
  return transfer;
}

Result<Transfer> send(int socket, std::string_view first, std::string_view second) {
  iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                    {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = first.empty() ? parts + 1 : parts;
  message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
  ssize_t count = 0;
  do {
    count = message.msg_iovlen == 1
                ? ::send(socket, message.msg_iov->iov_base, message.msg_iov->iov_len, MSG_NOSIGNAL)
                : ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  Transfer transfer;
  if (count < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK) return connection_failure(errno);
    transfer.would_block = true;
    return transfer;
  }
  transfer.count = static_cast<std::size_t>(count);
  return transfer;
}

bool ask_for_rest(int socket) {
  int on = 1;
  return ::setsockopt(socket, SOL_TCP, TCP_INQ, &on, sizeof on) == 0;
}

bool is_readable(int socket) {
  char byte;
  ssize_t count = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

void tune(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

bool parse_address(const std::string& host, std::uint16_t port, Address& out) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return false;
  std::memcpy(&out.storage, found->ai_addr, found->ai_addrlen);
  out.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return true;
}

bool unix_address(const std::string& path, Address& out) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  std::memcpy(&out.storage, &address, sizeof address);
  out.size = sizeof address;
  return true;
}

std::string host_of(const Address& address) {
  if (address.family() != AF_INET && address.family() != AF_INET6) return {};
  if (address.family() == AF_INET6) {
    // An IPv4 client of a socket for both kinds.
    const auto& bytes = reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr;
    char text[INET_ADDRSTRLEN];
    if (IN6_IS_ADDR_V4MAPPED(&bytes)) {
      return ::inet_ntop(AF_INET, &bytes.s6_addr[12], text, sizeof text);
    }
  }
  char host[NI_MAXHOST];
  int error =
      ::getnameinfo(address.get(), address.size, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return error == 0 ? host : "";
}

std::uint16_t port_of(const Address& address) {
  if (address.family() == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
  }
  if (address.family() == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
  }
  return 0;
}

Error connection_failure(int error_number) {
  switch (error_number) {
    case EPIPE:
    case ECONNRESET:
      return unavailable("the other side closed the connection");
    case ETIMEDOUT:
      return unavailable("the other side does not answer any more");
    default:
      return unavailable("the connection failed: " + system_error_text(error_number));
  }
}

}  // namespace dorsal::io
