// IP addresses and networks: their texts, and which address lies in which network.
//
// An IPv4 address is kept as the IPv6 address that stands for it (::ffff:a.b.c.d), and written as
// IPv4 wherever it came from, as mysqld does: a client of a socket for both kinds is the same
// client. Networks are written as in 10.0.0.0/8 and fd00::/8; an address alone is a network of one.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dorsal::admission {

class IpAddress {
 public:
  IpAddress() = default;  // ::
  static IpAddress v4(std::uint32_t number);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);

  // "10.0.0.1", "::1", "::ffff:10.0.0.1". Empty for anything else; also for numbers with zeros in
  // front, which some read as octal, and for scopes ("fe80::1%eth0").
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  std::uint32_t v4_number() const;  // of an IPv4 address
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  // All of 127.0.0.0/8, and ::1.
  bool is_loopback() const;

  // IPv6 as RFC 5952 has it, which is what inet_ntop() writes.
  std::string text() const;

  // The address with all but the first so many bits (of the 128) set to zero.
  IpAddress masked(unsigned bits) const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

class Network {
 public:
  // Invalid, with the words that follow a name ("must be …"), for what is no network, also when
  // bits are set behind the prefix.
  static Result<Network> parse(std::string_view text);

  bool contains(const IpAddress& address) const { return address.masked(bits_) == base_; }

  bool operator==(const Network&) const = default;

 private:
  Network(IpAddress base, unsigned bits) : base_(base), bits_(bits) {}

  IpAddress base_;
  unsigned bits_ = 128;
};

// Networks with commas or spaces between them; may be empty. Fails as Network::parse() does.
Result<std::vector<Network>> parse_networks(std::string_view text);

bool contains(const std::vector<Network>& networks, const IpAddress& address);

}  // namespace dorsal::admission
