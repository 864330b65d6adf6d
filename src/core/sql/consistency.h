// How fresh a read must be.
//
//   eventual  any healthy replica, however far behind
//   session   sees everything this session wrote or read before
//   global    sees everything that any session of this proxy was told is committed
//   strong    sees everything committed anywhere when the read began; asks the primary first
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dorsal::sql {

enum class Consistency : std::uint8_t { Eventual, Session, Global, Strong };

std::string_view to_string(Consistency consistency);

// In any case of letters; empty when the text is none of the four words.
std::optional<Consistency> parse_consistency(std::string_view text);

}  // namespace dorsal::sql
