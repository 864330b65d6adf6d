#include "edge/instance/text_fields.h"

#include <algorithm>

namespace dorsal::instance {

TextFields parse_text_fields(std::string_view text) {
  TextFields fields;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    fields.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return fields;
}

std::string_view text_field(const TextFields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace dorsal::instance
