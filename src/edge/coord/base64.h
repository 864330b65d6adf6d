// Base64 with the standard alphabet and padding (RFC 4648, section 4): how etcd's JSON gateway
// writes keys and values.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace dorsal::coord {

std::string to_base64(std::string_view bytes);

// Corrupt for anything that to_base64() could not have written.
Result<std::string> from_base64(std::string_view text);

}  // namespace dorsal::coord
