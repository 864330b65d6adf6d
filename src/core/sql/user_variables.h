// The user variables (@x) of a session, so that they can follow it from connection to connection.
//
// Servers tell that some session state changed, not which variable; so the names come from the
// text, and the values from the server that holds them: user_variable_items() asks for each value
// together with its bytes and its collation, and assignment() makes of the answer what brings the
// variable back as it was, type and collation included.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/lexer.h"

namespace dorsal::sql {

// The names that the statement mentions, in small letters (they do not depend on case), each once.
std::vector<std::string> user_variables_in(std::string_view sql, LexerMode mode);

// "@`name`", for a statement; empty for a name that cannot be written so in every sql_mode.
std::string user_variable(std::string_view name);

// What kind of value a column of the answer has, as its type on the wire tells.
enum class ValueKind { Integer, UnsignedInteger, Decimal, Double, Text };

// Three select items: the value, HEX() of it, its collation.
std::string user_variable_items(std::string_view name);

// What brings the variable back, for a SET. `value` is empty for NULL, `hex` matters for texts
// only. Empty when a server does not answer so, since what it says becomes part of a statement for
// another one.
std::optional<std::string> assignment(std::string_view name,
                                      ValueKind kind,
                                      const std::optional<std::string>& value,
                                      std::string_view hex,
                                      std::string_view collation);

}  // namespace dorsal::sql
