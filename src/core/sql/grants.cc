#include "core/sql/grants.h"

#include "core/sql/ascii.h"
#include "core/sql/cursor.h"

namespace dorsal::sql {

// GRANT privilege [, privilege]… ON *.* TO account; a list of columns stands behind no global one.
bool allows_to_end_others(std::string_view grant) {
  Cursor cursor(grant, {});
  if (!cursor.accept("grant")) return false;
  bool is_named = false;
  for (; !cursor.at_end() && !is_word(cursor.token(), "on"); cursor.advance()) {
    is_named |= is_word(cursor.token(), "super") || is_word(cursor.token(), "connection_admin") ||
                is_word(cursor.token(), "all");
  }
  const bool is_global = cursor.accept("on") && cursor.accept('*') && cursor.accept('.') &&
                         cursor.accept('*') && cursor.accept("to");
  return is_named && is_global;
}

}  // namespace dorsal::sql
