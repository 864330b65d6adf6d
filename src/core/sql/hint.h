// Comments by which an application tells the proxy what it wants of one statement.
//
//   /* dorsal: primary */
//   /* dorsal: replica, consistency=eventual */
#pragma once

#include <optional>
#include <string_view>

#include "core/sql/consistency.h"

namespace dorsal::sql {

struct Hint {
  bool primary = false;
  bool replica = false;
  bool misspelt = false;  // had a word that means nothing
  std::optional<Consistency> consistency;
};

// Adds what this comment, given with its marks, asks for. Other comments change nothing.
void read_hint(std::string_view comment, Hint& hint);

}  // namespace dorsal::sql
