// GET DIAGNOSTICS, as a client can use it outside stored programs: into user variables.
//
//   GET [CURRENT] DIAGNOSTICS @x = (NUMBER | ROW_COUNT) [, …]
//   GET [CURRENT] DIAGNOSTICS CONDITION number @x = item [, …]
//     number   a literal, or a user or system variable
//     item     CLASS_ORIGIN | SUBCLASS_ORIGIN | RETURNED_SQLSTATE | MESSAGE_TEXT | MYSQL_ERRNO,
//              or a name that only SIGNAL gives to a condition: of a constraint, a table, …
//
// The proxy carries it out itself when another session has the connection that could tell by then.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/lexer.h"

namespace dorsal::sql {

struct GetDiagnostics {
  enum class Item {
    Number,
    RowCount,
    ClassOrigin,
    SubclassOrigin,
    ReturnedSqlstate,
    MessageText,
    MysqlErrno,
    GivenName,
  };
  struct Target {
    std::string variable;  // its name in small letters, without the sign
    Item item = Item::Number;
  };
  std::vector<Target> targets;
  std::string condition;  // its number as it is written; empty: about the statement
};

// Empty for every other statement, and for what a server refuses.
std::optional<GetDiagnostics> parse_get_diagnostics(std::string_view sql, LexerMode mode);

// One of them, with which a text of several statements begins.
struct LeadingGetDiagnostics {
  GetDiagnostics get;
  std::size_t rest = 0;  // where the next statement begins in the text
};

// Empty unless the text begins with one and goes on behind it.
std::optional<LeadingGetDiagnostics> parse_leading_get_diagnostics(std::string_view sql,
                                                                   LexerMode mode);

}  // namespace dorsal::sql
