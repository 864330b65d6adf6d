// Finds what a person probably meant by a mistyped name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dorsal::app {

// How many single characters must be inserted, removed, replaced or swapped with their neighbour
// to turn one into the other.
std::size_t edit_distance(std::string_view left, std::string_view right);

// The known name nearest to `mistyped`; empty when none is near enough to be what was meant.
std::string nearest_name(std::string_view mistyped, const std::vector<std::string>& known);

}  // namespace dorsal::app
