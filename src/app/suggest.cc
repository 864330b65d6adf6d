#include "app/suggest.h"

#include <algorithm>
#include <utility>

namespace dorsal::app {

std::size_t edit_distance(std::string_view left, std::string_view right) {
  // Three rows of the usual table: a swap of neighbours looks back two of them.
  std::vector<std::size_t> before(right.size() + 1), last(right.size() + 1), row(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      std::size_t replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      bool swapped = i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[right.size()];
}

std::string nearest_name(std::string_view mistyped, const std::vector<std::string>& known) {
  std::string nearest;
  // A third of the letters wrong is a typing error; more is another word.
  std::size_t limit = std::max<std::size_t>(1, mistyped.size() / 3) + 1;
  for (const auto& name : known) {
    auto distance = edit_distance(mistyped, name);
    if (distance < limit) {
      limit = distance;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace dorsal::app
