// System calls on connected sockets, with their failures as sentences. For the classes of this
// folder.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dorsal::io {

// What one call moved. would_block and count are not both set; count is not 0 otherwise.
struct Transfer {
  std::size_t count = 0;
  bool would_block = false;
  bool is_drained = false;  // receive: the socket holds no more bytes, nor the end of the stream
};

// With tells_rest, the kernel says how much is left in the socket (see ask_for_rest()).
Result<Transfer> receive(int socket, char* buffer, std::size_t size, bool tells_rest);

Result<Transfer> send(int socket, std::string_view first, std::string_view second = {});

// Makes the kernel tell with each receive() whether the socket is empty afterwards, end of stream
// included (TCP_INQ). False when it cannot: a unix socket, or Linux before 4.18.
bool ask_for_rest(int socket);

// True when a receive() would not block.
bool is_readable(int socket);

// No delay, and probes for a silent peer. Harmless for a unix socket.
void tune(int socket);

// An address as the kernel has it.
struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// A numeric IPv4 or IPv6 address (with "%scope" if need be); false when it is none.
bool parse_address(const std::string& host, std::uint16_t port, Address& out);

// False when the path is too long for a unix socket, which takes 107 bytes.
bool unix_address(const std::string& path, Address& out);

std::string host_of(const Address& address);  // empty for a unix socket
std::uint16_t port_of(const Address& address);

// The failure that an errno value of a connected socket means.
Error connection_failure(int error_number);

}  // namespace dorsal::io
