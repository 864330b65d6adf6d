// What the rows of SHOW GRANTS allow.
#pragma once

#include <string_view>

namespace dorsal::sql {

// True when this GRANT allows KILL for connections of other users: with SUPER or CONNECTION_ADMIN.
bool allows_to_end_others(std::string_view grant);

}  // namespace dorsal::sql
