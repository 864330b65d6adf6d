#include "core/sql/user_variables.h"

#include <algorithm>

#include "core/sql/ascii.h"
#include "core/sql/cursor.h"

namespace dorsal::sql {
namespace {

constexpr std::string_view kBinary = "binary";

bool is_letter(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

std::size_t skip_digits(std::string_view& text) {
  const std::string_view before = text;
  while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
  return before.size() - text.size();
}

bool skip(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// As servers write numbers: 5, -1.50, 1e-7.
bool is_number(std::string_view text) {
  skip(text, "-");
  if (skip_digits(text) == 0) return false;
  if (skip(text, ".") && skip_digits(text) == 0) return false;
  if (skip(text, "e")) {
    skip(text, "+-");
    if (skip_digits(text) == 0) return false;
  }
  return text.empty();
}

bool is_hexadecimal(std::string_view text) {
  return text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), [](char c) {
           return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
         });
}

bool is_collation(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || is_letter(c) || c == '_';
  });
}

// The character set is the collation's name up to its first underscore.
std::string_view charset_of(std::string_view collation) {
  return collation.substr(0, collation.find('_'));
}

std::string typed_null(ValueKind kind) {
  switch (kind) {
    case ValueKind::Integer:
      return "CAST(NULL AS SIGNED)";
    case ValueKind::UnsignedInteger:
      return "CAST(NULL AS UNSIGNED)";
    case ValueKind::Decimal:
      return "CAST(NULL AS DECIMAL)";
    case ValueKind::Double:
      return "CAST(NULL AS DOUBLE)";
    case ValueKind::Text:
      break;
  }
  return "NULL";
}

std::string text_literal(std::string_view hex, std::string_view collation) {
  std::string text = "_";
  text += charset_of(collation);
  text += " x'";
  text += hex;
  text += "'";
  if (collation != kBinary) {
    text += " COLLATE ";
    text += collation;
  }
  return text;
}

std::string literal(ValueKind kind,
                    const std::string& value,
                    std::string_view hex,
                    std::string_view collation) {
  switch (kind) {
    case ValueKind::Integer:
    case ValueKind::Decimal:
      return value;
    case ValueKind::UnsignedInteger:
      return "CAST(" + value + " AS UNSIGNED)";
    case ValueKind::Double:
      return value.find('e') != std::string::npos ? value : value + "e0";
    case ValueKind::Text:
      break;
  }
  return text_literal(hex, collation);
}

}  // namespace

std::vector<std::string> user_variables_in(std::string_view sql, LexerMode mode) {
  std::vector<std::string> names;
  Cursor cursor(sql, mode);
  for (; !cursor.at_end(); cursor.advance()) {
    if (cursor.token().kind != TokenKind::UserVariable) continue;
    auto name = to_lower(unquoted(cursor.token().text.substr(1)));
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

std::string user_variable(std::string_view name) {
  if (name.empty() || name.find('`') != std::string_view::npos) return {};
  std::string text = "@`";
  text += name;
  return text + "`";
}

std::string user_variable_items(std::string_view name) {
  const std::string variable = user_variable(name);
  return variable + ", HEX(" + variable + "), COLLATION(" + variable + ")";
}

std::optional<std::string> assignment(std::string_view name,
                                      ValueKind kind,
                                      const std::optional<std::string>& value,
                                      std::string_view hex,
                                      std::string_view collation) {
  const bool is_sound = kind == ValueKind::Text ? is_hexadecimal(hex) && is_collation(collation)
                                                : !value || is_number(*value);
  if (!is_sound) return std::nullopt;
  const std::string set = user_variable(name) + "=";
  if (!value && kind != ValueKind::Text) return set + typed_null(kind);
  // NULL leaves a variable the type and the collation that it had before.
  if (!value) return set + text_literal("", collation) + ", " + set + "NULL";
  return set + literal(kind, *value, hex, collation);
}

}  // namespace dorsal::sql
