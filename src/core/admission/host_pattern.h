// The host part of a MySQL account: which clients it means, and which of several patterns counts.
//
//   10.0.0.1                 an address; of IPv6 the text as inet_ntop() writes it
//   10.0.0.0/8               an IPv4 network by its prefix
//   10.0.0.0/255.255.255.0   the same by its mask
//   db%.example.com, 10.0.%  '%' for any characters, '_' for one; '\' in front takes their meaning
//   localhost, db1           a name
//   %, or nothing            anybody
//
// A client is compared with patterns by its address and, if it has one, by its name. The rules and
// their order are those of mysqld.
//
// Source: MySQL Reference Manual, "Specifying Account Names" and "Access Control, Stage 1:
// Connection Verification".
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dorsal::admission {

class HostPattern {
 public:
  explicit HostPattern(std::string text);

  const std::string& text() const { return text_; }

  // An empty name: the client has none.
  bool matches(std::string_view address, std::string_view name) const;

  // Smaller is more specific: of several patterns that match a client the smallest counts. Equal
  // for patterns among which the server's manual leaves the order open.
  std::strong_ordering compare_specificity(const HostPattern& other) const;

 private:
  // In the order in which they count. Address: the text begins with one; with something behind it,
  // as in "10.0.0.1%", it counts between the addresses and the networks.
  enum class Kind { Address, Prefix, Mask, Text };

  std::string text_;
  Kind kind_ = Kind::Text;
  std::uint32_t network_ = 0;
  std::uint32_t mask_ = 0;  // 0: it is compared as a text
  unsigned rank_ = 0;       // Text: larger is more specific
};

}  // namespace dorsal::admission
