// What a SET statement assigns, and the same statement without some of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/sql/lexer.h"

namespace dorsal::sql {

struct Assignment {
  enum class Scope : std::uint8_t {
    Session,  // also LOCAL, and no word at all
    Global,
    Persist,
    PersistOnly,
    NextTransaction,  // SET TRANSACTION …, SET @@transaction_isolation without a scope
    User,             // @x; name is without the sign
    Other,            // SET PASSWORD, ROLE, DEFAULT ROLE, RESOURCE GROUP: the name says which
  };

  Scope scope = Scope::Session;

  // Lower case, without quotes and scope. For SET NAMES "names", for SET CHARACTER SET and CHARSET
  // "character set", for SET TRANSACTION "transaction" (scope Session, Global or NextTransaction);
  // with scope Other "password", "role", "default role" or "resource group".
  std::string name;

  std::string_view value;  // text of the expression, or all that follows NAMES, TRANSACTION, ROLE …

  // The bytes of this assignment in the text, with a scope word of its own, without commas.
  std::size_t begin = 0;
  std::size_t end = 0;

  // The scope comes from an earlier GLOBAL, SESSION or PERSIST of the same list.
  bool inherits_scope = false;
};

// The text must be one SET statement and outlive the result. Fails Invalid on anything else, and
// on a SET that cannot be cut up with certainty; such a SET still goes to the primary as it is.
Result<std::vector<Assignment>> parse_set(std::string_view sql, LexerMode mode);

// The statement without the assignments that `drop` picks; empty when none is left. `assignments`
// is what parse_set() made of the same text.
std::string without(std::string_view sql,
                    const std::vector<Assignment>& assignments,
                    const std::function<bool(const Assignment&)>& drop);

// The value of a "names" assignment.
struct Names {
  std::string charset;    // lower case; "default" is the word DEFAULT
  std::string collation;  // lower case; empty: the default one of the character set
};
// Empty when it is not of the form: charset [COLLATE collation].
std::optional<Names> parse_names(std::string_view value, LexerMode mode);

// The text that a string literal stands for: 'a''b' gives a'b. Any other value is returned as it
// is written, trimmed. \% and \_ stay two characters, as the server has it, for LIKE.
std::string literal_text(std::string_view value, LexerMode mode);

// A word, a number or a text, and nothing that would have to be computed.
bool is_literal(std::string_view value, LexerMode mode);

}  // namespace dorsal::sql
