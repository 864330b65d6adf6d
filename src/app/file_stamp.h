// Whether files have changed since the last look, without reading them.
#pragma once

#include <string>
#include <vector>

namespace dorsal::app {

// What can be seen of the files from outside. One that is replaced or written gets another stamp.
std::string stamp_of(const std::vector<std::string>& files);

}  // namespace dorsal::app
