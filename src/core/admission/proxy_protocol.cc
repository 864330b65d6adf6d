#include "core/admission/proxy_protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dorsal::admission {
namespace {

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view kText = "PROXY ";
constexpr std::size_t kLongestLine = 107;
constexpr std::size_t kBinaryHead = 16;

constexpr std::uint8_t kVersion2 = 0x20;
constexpr std::uint8_t kLocal = 0x0;
constexpr std::uint8_t kProxy = 0x1;
constexpr std::uint8_t kUnspecified = 0x00;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;
constexpr std::uint8_t kUnixStream = 0x31;
constexpr std::size_t kTcp4Bytes = 12;
constexpr std::size_t kTcp6Bytes = 36;
constexpr std::size_t kUnixBytes = 216;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

Error no_header(std::string_view why) {
  return corrupt(fmt::format("no header of the PROXY protocol: {}", why));
}

// Up to the next space, which is cut off with it.
std::string_view take_word(std::string_view& line) {
  const auto space = line.find(' ');
  const auto word = line.substr(0, space);
  line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  return word;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool is_port = error == std::errc() && end == text.data() + text.size() &&
                       (text.size() == 1 || text[0] != '0');
  return is_port ? std::optional<std::uint16_t>(port) : std::nullopt;
}

std::optional<IpAddress> parse_family(std::string_view text, bool is_v6) {
  const bool looks_v6 = text.find(':') != std::string_view::npos;
  return looks_v6 == is_v6 ? IpAddress::parse(text) : std::nullopt;
}

void put_u16(std::string& out, std::size_t number) {
  out.push_back(static_cast<char>(number >> 8 & 0xff));
  out.push_back(static_cast<char>(number & 0xff));
}

// How many bytes of version 2 hold the addresses; empty for a family that no client of ours has.
std::optional<std::size_t> address_bytes(std::uint8_t family) {
  switch (family) {
    case kUnspecified:
      return 0;
    case kTcp4:
      return kTcp4Bytes;
    case kTcp6:
      return kTcp6Bytes;
    case kUnixStream:
      return kUnixBytes;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<void> ProxyHeaderReader::feed(std::string_view bytes) {
  DORSAL_CHECK(bytes.size() <= wanted_);
  wanted_ -= bytes.size();
  if (is_skipping_) return {};
  bytes_.append(bytes);
  return look();
}

Result<void> ProxyHeaderReader::look() {
  const std::string_view seen = bytes_;
  if (seen.substr(0, kText.size()) == kText.substr(0, seen.size())) return look_at_text();
  if (seen.substr(0, kSignature.size()) == kSignature.substr(0, seen.size())) {
    return look_at_binary();
  }
  return no_header("it begins otherwise");
}

// ---- version 1 ----

Result<void> ProxyHeaderReader::look_at_text() {
  const auto end = bytes_.find('\n');
  if (end != std::string::npos) {
    if (end + 1 != bytes_.size() || bytes_[end - 1] != '\r')
      return no_header("no CR LF at its end");
    return read_text_line(std::string_view(bytes_).substr(0, end - 1));
  }
  if (bytes_.size() >= kLongestLine) return no_header("its line does not end");
  if (wanted_ == 0) {
    const std::size_t least = bytes_.back() == '\r' ? 1 : 2;
    wanted_ = std::min(least, kLongestLine - bytes_.size());
  }
  return {};
}

Result<void> ProxyHeaderReader::read_text_line(std::string_view line) {
  line.remove_prefix(kText.size());
  const auto protocol = take_word(line);
  if (protocol == "UNKNOWN") return {};
  if (protocol != "TCP4" && protocol != "TCP6") return no_header("its protocol is not known");
  const bool is_v6 = protocol == "TCP6";
  const auto source = parse_family(take_word(line), is_v6);
  const auto destination = parse_family(take_word(line), is_v6);
  const auto source_port = parse_port(take_word(line));
  const auto destination_port = parse_port(line);
  if (!source || !destination) return no_header("an address of it is none");
  if (!source_port || !destination_port) return no_header("a port of it is none");
  source_ = {source, *source_port};
  return {};
}

// ---- version 2 ----

Result<void> ProxyHeaderReader::look_at_binary() {
  if (wanted_ > 0) return {};
  if (bytes_.size() < kBinaryHead) {
    wanted_ = kBinaryHead - bytes_.size();
    return {};
  }
  if (bytes_.size() == kBinaryHead) return read_binary_head();
  read_binary_addresses();
  return {};
}

Result<void> ProxyHeaderReader::read_binary_head() {
  const auto version = byte_at(bytes_, 12) & 0xf0;
  const auto command = byte_at(bytes_, 12) & 0x0f;
  if (version != kVersion2) return no_header("its version is not known");
  if (command != kLocal && command != kProxy) return no_header("its command is not known");
  const std::size_t length = u16_at(bytes_, 14);
  if (command == kLocal) {
    is_skipping_ = true;
    wanted_ = length;
    return {};
  }
  const auto addresses = address_bytes(byte_at(bytes_, 13));
  if (!addresses) return no_header("its protocol is not known");
  if (length < *addresses) return no_header("it is too short for its addresses");
  to_skip_ = length - *addresses;
  is_skipping_ = *addresses == 0;
  wanted_ = is_skipping_ ? to_skip_ : *addresses;
  return {};
}

void ProxyHeaderReader::read_binary_addresses() {
  const std::string_view addresses = std::string_view(bytes_).substr(kBinaryHead);
  const auto family = byte_at(bytes_, 13);
  if (family == kTcp4) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | byte_at(addresses, i);
    source_ = {IpAddress::v4(number), u16_at(addresses, 8)};
  } else if (family == kTcp6) {
    std::array<std::uint8_t, 16> number;
    std::transform(addresses.begin(), addresses.begin() + 16, number.begin(), [](char byte) {
      return static_cast<std::uint8_t>(byte);
    });
    source_ = {IpAddress::v6(number), u16_at(addresses, 32)};
  }
  is_skipping_ = true;
  wanted_ = to_skip_;
}

// ---- writing ----

std::string encode_proxy_v1(const ProxySource& source, const ProxySource& destination) {
  if (!source.address || !destination.address) return "PROXY UNKNOWN\r\n";
  return fmt::format("PROXY {} {} {} {} {}\r\n",
                     source.address->is_v4() ? "TCP4" : "TCP6",
                     source.address->text(),
                     destination.address->text(),
                     source.port,
                     destination.port);
}

std::string encode_proxy_v2(const ProxySource& source, const ProxySource& destination) {
  std::string header(kSignature);
  const bool is_local = !source.address || !destination.address;
  header.push_back(static_cast<char>(kVersion2 | (is_local ? kLocal : kProxy)));
  if (is_local) return header + std::string(3, '\0');
  const bool is_v4 = source.address->is_v4() && destination.address->is_v4();
  header.push_back(static_cast<char>(is_v4 ? kTcp4 : kTcp6));
  put_u16(header, is_v4 ? kTcp4Bytes : kTcp6Bytes);
  for (const auto* end : {&source, &destination}) {
    const auto& bytes = end->address->bytes();
    for (std::size_t i = is_v4 ? 12 : 0; i < 16; ++i) {
      header.push_back(static_cast<char>(bytes[i]));
    }
  }
  put_u16(header, source.port);
  put_u16(header, destination.port);
  return header;
}

}  // namespace dorsal::admission
