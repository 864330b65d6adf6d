#include "core/sql/system_variable.h"

#include <initializer_list>

#include "core/sql/ascii.h"
#include "core/sql/cursor.h"
#include "core/sql/lexer.h"

namespace dorsal::sql {

SystemVariable read_system_variable(std::string_view text) {
  SystemVariable variable;
  variable.name = text.substr(2);
  Cursor cursor(variable.name, {});
  const std::string_view first = unquoted(cursor.token().text);
  cursor.advance();
  if (cursor.accept('.')) {
    for (std::string_view scope : {"session", "local", "global", "persist", "persist_only"}) {
      if (!equal_words(first, scope)) continue;
      variable.scope = first;
      variable.name.remove_prefix(cursor.offset());
      variable.is_session = scope == "session" || scope == "local";
      break;
    }
  }
  variable.name = unquoted(variable.name);
  return variable;
}

bool is_proxy_variable(const SystemVariable& variable) {
  return is_dorsal_variable(variable.name) ||
         (variable.is_session && is_session_tracker(variable.name));
}

bool is_dorsal_variable(std::string_view name) { return starts_with_word(name, "dorsal_"); }

bool is_session_tracker(std::string_view name) { return starts_with_word(name, "session_track_"); }

}  // namespace dorsal::sql
