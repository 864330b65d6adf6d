// The status as a table for people, at most 100 columns wide.
#pragma once

#include <string>

#include "base/result.h"

namespace dorsal::app {

// From the JSON of status_json(). Corrupt when it is none. Fields that an older version does not
// send are shown as unknown.
Result<std::string> status_table(const std::string& json, bool with_colours);

// "3e11fa47:1-905, 4f22…:1-7" cut to `width` characters: UUIDs by their first eight, whole
// intervals only, and "+2" for the servers that found no room.
std::string short_gtid_set(const std::string& gtid_set, std::size_t width);

}  // namespace dorsal::app
