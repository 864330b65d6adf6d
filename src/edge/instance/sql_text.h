// SQL literals.
#pragma once

#include <string>
#include <string_view>

namespace dorsal::instance {

// 'text' with what needs it escaped. The session's sql_mode must not hold NO_BACKSLASH_ESCAPES.
std::string quote(std::string_view text);

}  // namespace dorsal::instance
