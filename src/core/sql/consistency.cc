#include "core/sql/consistency.h"

#include "core/sql/lexer.h"

namespace dorsal::sql {

std::string_view to_string(Consistency consistency) {
  switch (consistency) {
    case Consistency::Eventual:
      return "eventual";
    case Consistency::Session:
      return "session";
    case Consistency::Global:
      return "global";
    case Consistency::Strong:
      return "strong";
  }
  return "session";
}

std::optional<Consistency> parse_consistency(std::string_view text) {
  for (auto level :
       {Consistency::Eventual, Consistency::Session, Consistency::Global, Consistency::Strong}) {
    if (equal_words(text, to_string(level))) return level;
  }
  return {};
}

}  // namespace dorsal::sql
