// The small files of a node's folder: lines of name=value, where other lines are passed over.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace dorsal::instance {

using TextFields = std::map<std::string, std::string, std::less<>>;

TextFields parse_text_fields(std::string_view text);

// Empty when there is none of that name. Valid as long as the fields.
std::string_view text_field(const TextFields& fields, std::string_view name);

}  // namespace dorsal::instance
