// The status page of `GET /`: one HTML document that needs nothing from elsewhere.
//
// It reads /api/status every second and builds its table from text nodes alone, so nothing that a
// server or a user named can become markup.
#pragma once

#include <string_view>

namespace dorsal::admin {

std::string_view status_page();

}  // namespace dorsal::admin
