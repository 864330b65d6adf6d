// Text that cannot be cut into tokens with certainty.
#pragma once

#include <algorithm>
#include <string_view>

#include "core/sql/lexer.h"

namespace dorsal::sql {

// True when the client's character set lets a byte of one character look like a backslash or a
// quote, and the text has bytes that could be part of such a character.
inline bool is_unreadable(std::string_view sql, LexerMode mode) {
  return mode.unsafe_charset && std::any_of(sql.begin(), sql.end(), [](char c) {
           return c == '\\' || static_cast<unsigned char>(c) >= 0x80;
         });
}

}  // namespace dorsal::sql
