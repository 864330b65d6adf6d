// Letters of keywords and names: ASCII only, whatever the locale says.
#pragma once

#include <string>
#include <string_view>

namespace dorsal::sql {

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

inline std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

// The prefix must be in lower case.
constexpr bool starts_with_word(std::string_view text, std::string_view lower_case_prefix) {
  if (text.size() < lower_case_prefix.size()) return false;
  for (std::size_t i = 0; i < lower_case_prefix.size(); ++i) {
    if (to_lower(text[i]) != lower_case_prefix[i]) return false;
  }
  return true;
}

}  // namespace dorsal::sql
