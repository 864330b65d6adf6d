// The PROXY protocol: how a load balancer says, in front of everything else, for whom it connects.
//
// Version 1 is a line of text:
//
//   "PROXY" SP ("TCP4" | "TCP6") SP source SP destination SP port SP port CRLF
//   "PROXY UNKNOWN" anything CRLF                         at most 107 bytes in all
//
// Version 2 is binary, its numbers big-endian:
//
//   signature:12  version and command:1  family:1  length:2  then `length` bytes:
//   source, destination, source port:2, destination port:2, and records that are passed over
//
// LOCAL (version 2) and UNKNOWN (version 1) are the balancer's own connections, health checks
// above all. So are families without an IP address.
//
// Source: "The PROXY protocol, Versions 1 & 2",
// https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/admission/ip_address.h"

namespace dorsal::admission {

// For whom the connection was made.
struct ProxySource {
  std::optional<IpAddress> address;  // empty: for nobody but the balancer itself
  std::uint16_t port = 0;

  bool operator==(const ProxySource&) const = default;
};

// Reads one header, and not a byte behind it:
//
//   while (reader.wanted() > 0) reader.feed(…at most wanted() bytes…)
//
// It keeps at most 232 bytes.
class ProxyHeaderReader {
 public:
  // How many more bytes belong to the header for certain; 0 at its end.
  std::size_t wanted() const { return wanted_; }

  // Corrupt when this is no such header; the reader is of no use then.
  Result<void> feed(std::string_view bytes);

  // At the end.
  const ProxySource& source() const { return source_; }

 private:
  static constexpr std::size_t kShortest = 15;  // "PROXY UNKNOWN", CR, LF

  Result<void> look();
  Result<void> look_at_text();
  Result<void> look_at_binary();
  Result<void> read_text_line(std::string_view line);
  Result<void> read_binary_head();
  void read_binary_addresses();

  std::string bytes_;
  std::size_t wanted_ = kShortest;
  std::size_t to_skip_ = 0;  // bytes of version 2 behind the addresses
  bool is_skipping_ = false;
  ProxySource source_;
};

// A header of either version, for tests and for health checks of our own.
std::string encode_proxy_v1(const ProxySource& source, const ProxySource& destination);
std::string encode_proxy_v2(const ProxySource& source, const ProxySource& destination);

}  // namespace dorsal::admission
