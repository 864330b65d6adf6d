// Which temporary tables a statement makes or drops, so that a session is tied to the connection
// they live on for just as long as there are any.
//
//   CREATE [OR REPLACE] TEMPORARY TABLE [IF NOT EXISTS] name …
//   DROP [TEMPORARY] TABLE[S] [IF EXISTS] name [, name]… [RESTRICT | CASCADE]
//
// Nothing is said of the statements that stored programs run, nor of ALTER TABLE … RENAME.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/sql/lexer.h"

namespace dorsal::sql {

struct TemporaryTables {
  // As "schema.table"; the default schema stands in where none is written.
  std::vector<std::string> made;
  std::vector<std::string> dropped;
};

// Of one statement alone; empty for several in a text and for every other statement.
TemporaryTables temporary_tables_in(std::string_view sql,
                                    LexerMode mode,
                                    std::string_view default_schema);

}  // namespace dorsal::sql
