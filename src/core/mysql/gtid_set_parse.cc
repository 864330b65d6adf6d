// Reads UUIDs and GTID sets. What is accepted is what MySQL 9.7's GTID_SUBTRACT() accepts; the
// table in gtid_set_test.cc was tried there.
#include <fmt/format.h>

#include <optional>

#include "core/mysql/gtid_set.h"

namespace dorsal::mysql {
namespace {

constexpr std::size_t kHexDigits = 32;
constexpr std::size_t kLongestTag = 32;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool starts_tag(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_'; }
bool continues_tag(char c) { return starts_tag(c) || is_digit(c); }

std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  c = lower(c);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

// Dashes may stand behind these bytes; with one of them all must be there.
bool dash_follows(std::size_t byte) { return byte == 3 || byte == 5 || byte == 7 || byte == 9; }

std::size_t length_at(std::string_view text) {
  if (!text.empty() && text[0] == '{') return kHexDigits + 6;
  return text.size() > 8 && text[8] == '-' ? kHexDigits + 4 : kHexDigits;
}

// The UUID that the text begins with, and its length; a length of 0 if there is none.
std::pair<Uuid, std::size_t> leading_uuid(std::string_view text) {
  auto length = length_at(text);
  if (text.size() < length) return {};
  auto digits = text.substr(0, length);
  if (digits[0] == '{') {
    if (digits.back() != '}') return {};
    digits = digits.substr(1, length - 2);
  }
  bool has_dashes = digits.size() > kHexDigits;
  Uuid uuid;
  for (std::size_t i = 0, position = 0; i < uuid.bytes.size(); ++i) {
    auto high = hex_digit(digits[position]);
    auto low = hex_digit(digits[position + 1]);
    if (!high || !low) return {};
    uuid.bytes[i] = static_cast<std::uint8_t>(*high << 4 | *low);
    position += 2;
    if (has_dashes && dash_follows(i) && digits[position++] != '-') return {};
  }
  return {uuid, length};
}

//   set = ','* [member (','+ member)* ','*]; see the header for the rest
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<GtidSet> parse() {
    skip_space();
    while (position_ < text_.size()) {
      if (!skip_comma()) {
        DORSAL_TRY_VOID(parse_member());
        if (position_ < text_.size() && !skip_comma()) return failure("a comma");
      }
    }
    return std::move(set_);
  }

 private:
  Result<void> parse_member() {
    auto [uuid, length] = leading_uuid(text_.substr(position_));
    if (length == 0) return failure("a UUID");
    position_ += length;
    skip_space();
    std::string tag;
    while (skip(':')) {
      if (starts_tag(current())) {
        DORSAL_TRY(tag, parse_tag());
      } else {
        DORSAL_TRY_VOID(parse_interval(uuid, tag));
      }
    }
    return {};
  }

  Result<std::string> parse_tag() {
    std::string tag;
    while (continues_tag(current())) tag.push_back(lower(text_[position_++]));
    if (tag.size() > kLongestTag) return failure("a tag of at most 32 characters");
    skip_space();
    return tag;
  }

  Result<void> parse_interval(const Uuid& uuid, std::string_view tag) {
    DORSAL_TRY(auto first, parse_number());
    if (first < kFirstGno) return failure("an interval that starts at 1 or later");
    auto last = first;
    if (skip('-')) {
      DORSAL_TRY(last, parse_number());
    }
    if (first <= last) set_.add(uuid, tag, first, last);
    return {};
  }

  Result<std::uint64_t> parse_number() {
    if (!is_digit(current())) return failure("a number");
    std::uint64_t number = 0;
    while (is_digit(current())) {
      auto digit = static_cast<std::uint64_t>(current() - '0');
      if (number > (kLastGno - digit) / 10) return failure("a number below 2^63 - 1");
      number = number * 10 + digit;
      ++position_;
    }
    skip_space();
    return number;
  }

  char current() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  void skip_space() {
    while (is_space(current())) ++position_;
  }

  // The character, and the white space behind it.
  bool skip(char wanted) {
    if (current() != wanted) return false;
    ++position_;
    skip_space();
    return true;
  }
  bool skip_comma() { return skip(','); }

  Error failure(std::string_view expected) const {
    return invalid(fmt::format("GTID set: expected {} at character {}", expected, position_ + 1));
  }

  std::string_view text_;
  std::size_t position_ = 0;
  GtidSet set_;
};

}  // namespace

Result<Uuid> parse_uuid(std::string_view text) {
  auto [uuid, length] = leading_uuid(text);
  if (length == 0 || length != text.size()) return invalid(fmt::format("'{}' is no UUID", text));
  return uuid;
}

std::string to_string(const Uuid& uuid) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(kHexDigits + 4);
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    out += kDigits[uuid.bytes[i] >> 4];
    out += kDigits[uuid.bytes[i] & 0xf];
    if (dash_follows(i)) out += '-';
  }
  return out;
}

Result<GtidSet> parse_gtid_set(std::string_view text) { return Parser(text).parse(); }

}  // namespace dorsal::mysql
