#include "core/admission/host_pattern.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace dorsal::admission {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Whether text is what the pattern means; letters count as the same in either case.
bool is_like(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  // Where to go on when what follows the last '%' does not match.
  std::optional<std::size_t> after_many;
  std::size_t retry_at = 0;
  for (;;) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '%') {
      after_many = ++in_pattern;
      retry_at = at;
      continue;
    }
    if (at == text.size() && in_pattern == pattern.size()) return true;
    bool fits = in_pattern < pattern.size() && at < text.size();
    if (fits && pattern[in_pattern] != '_') {
      const bool is_escaped = pattern[in_pattern] == '\\' && in_pattern + 1 < pattern.size();
      if (is_escaped) ++in_pattern;
      fits = lower(pattern[in_pattern]) == lower(text[at]);
    }
    if (fits) {
      ++in_pattern;
      ++at;
      continue;
    }
    if (!after_many || retry_at >= text.size()) return false;
    at = ++retry_at;
    in_pattern = *after_many;
  }
}

// Four numbers with dots between them at the front of the text, which is cut off. As mysqld reads
// them: zeros may stand in front.
std::optional<std::uint32_t> take_v4(std::string_view& text) {
  std::uint32_t number = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (text.empty() || text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    unsigned value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value > 255) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    number = number << 8 | value;
  }
  return number;
}

std::optional<std::uint32_t> whole_v4(std::string_view text) {
  auto number = take_v4(text);
  return text.empty() ? number : std::nullopt;
}

// As mysqld reads it, a sign may stand in front.
std::optional<std::uint32_t> prefix_mask(std::string_view digits) {
  if (digits.starts_with('+')) digits.remove_prefix(1);
  unsigned bits = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > 32) {
    return std::nullopt;
  }
  return bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits);
}

// The further back the first wildcard stands, the more specific; most of all without one.
unsigned rank_of(std::string_view text) {
  constexpr unsigned kNoWildcard = 128;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
    } else if (text[i] == '%' || text[i] == '_') {
      return std::min<unsigned>(static_cast<unsigned>(i) + 1, kNoWildcard - 1);
    }
  }
  return text.empty() ? 0 : kNoWildcard;
}

}  // namespace

HostPattern::HostPattern(std::string text) : text_(std::move(text)), rank_(rank_of(text_)) {
  std::string_view rest = text_;
  auto network = take_v4(rest);
  if (!network || *network == 0) return;
  kind_ = Kind::Address;
  network_ = *network;
  if (rest.empty()) mask_ = ~std::uint32_t{0};
  if (!rest.starts_with('/')) return;
  rest.remove_prefix(1);
  if (auto mask = prefix_mask(rest)) {
    kind_ = Kind::Prefix;
    mask_ = *mask;
  } else if (auto dotted = whole_v4(rest)) {
    kind_ = Kind::Mask;
    mask_ = *dotted;
  }
}

bool HostPattern::matches(std::string_view address, std::string_view name) const {
  // Without any bit there is no mask, and the text is compared as it stands.
  if (mask_ != 0) {
    auto number = whole_v4(address);
    return number && (*number & mask_) == network_;
  }
  if (text_.empty()) return true;
  return (!name.empty() && is_like(name, text_)) || is_like(address, text_);
}

std::strong_ordering HostPattern::compare_specificity(const HostPattern& other) const {
  if (kind_ != other.kind_) return kind_ <=> other.kind_;
  if (kind_ == Kind::Text) return other.rank_ <=> rank_;
  return other.mask_ <=> mask_;
}

}  // namespace dorsal::admission
