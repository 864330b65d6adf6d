#include "core/admission/ip_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dorsal::admission {
namespace {

constexpr unsigned kV4Offset = 96;  // bits of ::ffff:0:0

std::optional<std::uint32_t> parse_v4(std::string_view text) {
  std::uint32_t number = 0;
  for (int part = 0; part < 4; ++part) {
    const auto dot = part < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos || dot == 0 || dot > 3) return std::nullopt;
    const auto digits = text.substr(0, dot);
    if (digits.size() > 1 && digits[0] == '0') return std::nullopt;
    unsigned value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value > 255) {
      return std::nullopt;
    }
    number = number << 8 | value;
    text.remove_prefix(part < 3 ? dot + 1 : dot);
  }
  return number;
}

// Up to eight groups of the text, an IPv4 address at its end being two of them. False when it is
// malformed.
bool parse_groups(std::string_view text, std::vector<std::uint16_t>& groups) {
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto piece = text.substr(0, colon);
    if (piece.find('.') != std::string_view::npos) {
      auto v4 = parse_v4(piece);
      if (!v4 || colon != std::string_view::npos) return false;
      groups.push_back(static_cast<std::uint16_t>(*v4 >> 16));
      groups.push_back(static_cast<std::uint16_t>(*v4 & 0xffff));
      return true;
    }
    std::uint16_t value = 0;
    auto [end, error] = std::from_chars(piece.data(), piece.data() + piece.size(), value, 16);
    if (piece.empty() || piece.size() > 4 || error != std::errc() ||
        end != piece.data() + piece.size()) {
      return false;
    }
    groups.push_back(value);
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;
  }
  return true;
}

// The longest run of zero groups, at least two, of which the first counts.
std::pair<int, int> longest_zeros(const std::array<std::uint16_t, 8>& groups) {
  std::pair<int, int> longest = {-1, 1};
  for (int begin = 0; begin < 8; ++begin) {
    int length = 0;
    while (begin + length < 8 && groups[begin + length] == 0) ++length;
    if (length > longest.second) longest = {begin, length};
  }
  return longest;
}

std::string v6_text(const std::array<std::uint16_t, 8>& groups) {
  const auto [zeros, length] = longest_zeros(groups);
  std::string text;
  for (int i = 0; i < 8; ++i) {
    if (i == zeros) {
      text += "::";
      i += length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", groups[i]);
  }
  return text;
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t number) {
  IpAddress address;
  address.bytes_[10] = address.bytes_[11] = 0xff;
  for (int i = 0; i < 4; ++i) {
    address.bytes_[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  }
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress address;
  address.bytes_ = bytes;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    auto number = parse_v4(text);
    if (!number) return std::nullopt;
    return v4(*number);
  }
  std::vector<std::uint16_t> front;
  std::vector<std::uint16_t> back;
  const auto gap = text.find("::");
  const bool has_gap = gap != std::string_view::npos;
  if (!parse_groups(text.substr(0, gap), front)) return std::nullopt;
  if (has_gap && !parse_groups(text.substr(gap + 2), back)) return std::nullopt;
  const bool v4_is_last = !has_gap || text.substr(0, gap).find('.') == std::string_view::npos;
  const auto count = front.size() + back.size();
  if (!v4_is_last || (has_gap ? count > 7 : count != 8)) return std::nullopt;
  front.resize(8 - back.size());
  front.insert(front.end(), back.begin(), back.end());
  IpAddress address;
  for (std::size_t i = 0; i < 8; ++i) {
    address.bytes_[2 * i] = static_cast<std::uint8_t>(front[i] >> 8);
    address.bytes_[2 * i + 1] = static_cast<std::uint8_t>(front[i] & 0xff);
  }
  return address;
}

bool IpAddress::is_v4() const { return masked(kV4Offset) == v4(0); }

std::uint32_t IpAddress::v4_number() const {
  std::uint32_t number = 0;
  for (int i = 12; i < 16; ++i) number = number << 8 | bytes_[i];
  return number;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[12] == 127;
  IpAddress one;
  one.bytes_[15] = 1;
  return *this == one;
}

std::string IpAddress::text() const {
  if (is_v4()) {
    return fmt::format("{}.{}.{}.{}", bytes_[12], bytes_[13], bytes_[14], bytes_[15]);
  }
  std::array<std::uint16_t, 8> groups;
  for (std::size_t i = 0; i < 8; ++i) {
    groups[i] = static_cast<std::uint16_t>(bytes_[2 * i] << 8 | bytes_[2 * i + 1]);
  }
  return v6_text(groups);
}

IpAddress IpAddress::masked(unsigned bits) const {
  IpAddress kept = *this;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned begin = 8 * i;
    if (bits >= begin + 8) continue;
    const unsigned left = bits > begin ? bits - begin : 0;
    kept.bytes_[i] &= static_cast<std::uint8_t>(0xff00U >> left);
  }
  return kept;
}

Result<Network> Network::parse(std::string_view text) {
  auto wrong = invalid(
      fmt::format("must be addresses or networks such as 10.0.0.0/8 or fd00::1, not '{}'", text));
  const auto slash = text.find('/');
  auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) return wrong;
  if (slash == std::string_view::npos) return Network(*base, 128);
  const bool is_v4_text = text.find(':') == std::string_view::npos;
  const unsigned most = is_v4_text ? 32 : 128;
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > most) return wrong;
  if (is_v4_text) bits += kV4Offset;
  if (base->masked(bits) != *base) {
    return invalid(
        fmt::format("must have no bits behind the prefix, as '{}' has; did you mean "
                    "{}/{}?",
                    text,
                    base->masked(bits).text(),
                    digits));
  }
  return Network(*base, bits);
}

Result<std::vector<Network>> parse_networks(std::string_view text) {
  std::vector<Network> networks;
  while (!text.empty()) {
    const auto end = text.find_first_of(", ");
    const auto piece = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (piece.empty()) continue;
    DORSAL_TRY(auto network, Network::parse(piece));
    networks.push_back(network);
  }
  return networks;
}

bool contains(const std::vector<Network>& networks, const IpAddress& address) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& network) {
    return network.contains(address);
  });
}

}  // namespace dorsal::admission
