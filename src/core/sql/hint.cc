#include "core/sql/hint.h"

#include <algorithm>

#include "core/sql/ascii.h"
#include "core/sql/lexer.h"

namespace dorsal::sql {
namespace {

constexpr std::string_view kPrefix = "dorsal:";
constexpr std::string_view kConsistency = "consistency=";
constexpr std::string_view kGaps = " \t\r\n,;";

std::string_view skip_gaps(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kGaps), text.size()));
}

void read_word(std::string_view word, Hint& hint) {
  if (equal_words(word, "primary")) {
    hint.primary = true;
  } else if (equal_words(word, "replica")) {
    hint.replica = true;
  } else if (starts_with_word(word, kConsistency)) {
    auto level = parse_consistency(word.substr(kConsistency.size()));
    if (level) hint.consistency = level;
    hint.misspelt |= !level;
  } else {
    hint.misspelt = true;
  }
}

}  // namespace

void read_hint(std::string_view comment, Hint& hint) {
  if (comment.size() < 4 || comment.substr(0, 2) != "/*") return;
  std::string_view text = skip_gaps(comment.substr(2, comment.size() - 4));
  if (!starts_with_word(text, kPrefix)) return;
  for (text = skip_gaps(text.substr(kPrefix.size())); !text.empty(); text = skip_gaps(text)) {
    std::string_view word = text.substr(0, text.find_first_of(kGaps));
    read_word(word, hint);
    text.remove_prefix(word.size());
  }
}

}  // namespace dorsal::sql
