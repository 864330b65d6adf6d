// The SQLSTATE that a server gives to a condition of its own, by its number.
//
// An ERR packet says it; SHOW WARNINGS does not. The numbers are those of MySQL 9.7, which has
// added to those of earlier versions and changed none.
#pragma once

#include <cstdint>
#include <string_view>

namespace dorsal::mysql {

// HY000 for those that have no other, and for unknown ones.
std::string_view sqlstate_of(std::uint16_t code);

// Who has defined what a SQLSTATE says, as GET DIAGNOSTICS has it in CLASS_ORIGIN and in
// SUBCLASS_ORIGIN: "ISO 9075" or "MySQL".
std::string_view class_origin(std::string_view sqlstate);
std::string_view subclass_origin(std::string_view sqlstate);

}  // namespace dorsal::mysql
