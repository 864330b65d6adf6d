// The functions that tell a client who it is: USER() and its synonyms SESSION_USER() and
// SYSTEM_USER(), whose host is the client's, and CONNECTION_ID(), the number that KILL takes.
#pragma once

#include <cstdint>
#include <optional>

#include "core/sql/calls.h"
#include "core/sql/lexer.h"

namespace dorsal::sql {

enum class Identity : std::uint8_t { User, ConnectionId };

// Which of them a word calls that has an opening parenthesis behind it. With white space in front
// of the parenthesis it may be a stored function instead, unless IGNORE_SPACE is set: then all
// touch.
inline std::optional<Identity> identity_call(const Token& word, bool touches_parenthesis) {
  switch (find_call(word.text)) {
    case Call::ClientUser:
      return Identity::User;
    case Call::TightClientUser:
      return touches_parenthesis ? std::optional(Identity::User) : std::nullopt;
    case Call::ConnectionId:
      return Identity::ConnectionId;
    default:
      return std::nullopt;
  }
}

}  // namespace dorsal::sql
