#include "core/sql/session_variables.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/sql/tracked.h"

namespace dorsal::sql {
namespace {

constexpr std::string_view kClient = "character_set_client";
constexpr std::string_view kConnection = "character_set_connection";
constexpr std::string_view kCollation = "collation_connection";
constexpr std::string_view kResults = "character_set_results";

bool is_of_charset_group(std::string_view name) {
  return name == kClient || name == kConnection || name == kCollation || name == kResults;
}

bool has_same_charset(const SessionVariables& left, const SessionVariables& right) {
  for (std::string_view name : {kClient, kConnection, kCollation, kResults}) {
    const std::string* one = left.find(name);
    const std::string* other = right.find(name);
    const bool is_same = one == nullptr || other == nullptr ? one == other : *one == *other;
    if (!is_same) return false;
  }
  return true;
}

using Clauses = std::vector<std::pair<int, std::string>>;

void add(Clauses& clauses, std::string_view name, std::string_view value) {
  clauses.emplace_back(carry_order(name), set_clause(name, value));
}

// The collation is named only where it is not the character set's own.
void add_charset_group(Clauses& clauses,
                       const SessionVariables& wanted,
                       const InitialCharset& initial) {
  auto value = [&](std::string_view name, const std::string& otherwise) -> const std::string& {
    const std::string* found = wanted.find(name);
    return found != nullptr ? *found : otherwise;
  };
  add(clauses, kClient, value(kClient, initial.client));
  add(clauses, kConnection, value(kConnection, initial.connection));
  add(clauses, kResults, value(kResults, initial.results));
  const std::string* collation = wanted.find(kCollation);
  if (collation != nullptr) {
    add(clauses, kCollation, *collation);
  } else if (wanted.find(kConnection) == nullptr) {
    add(clauses, kCollation, initial.collation);
  }
}

}  // namespace

bool SessionVariables::note(std::string_view name, std::string_view value) {
  if (!is_tracked(name)) return false;
  const std::string* known = find(name);
  // A new character set brings its own collation, which servers do not report.
  const bool drops_collation = name == kConnection && find(kCollation) != nullptr;
  if (known != nullptr && *known == value && !drops_collation) return false;
  Map changed = map();
  if (drops_collation) changed.erase(changed.find(kCollation));
  changed.insert_or_assign(std::string(name), std::string(value));
  map_ = std::make_shared<const Map>(std::move(changed));
  return true;
}

const std::string* SessionVariables::find(std::string_view name) const {
  if (map_ == nullptr) return nullptr;
  auto found = map_->find(name);
  return found == map_->end() ? nullptr : &found->second;
}

const SessionVariables::Map& SessionVariables::map() const {
  static const Map kNone;
  return map_ == nullptr ? kNone : *map_;
}

bool SessionVariables::operator==(const SessionVariables& other) const {
  return map_ == other.map_ || map() == other.map();
}

std::string set_clauses(const SessionVariables& present,
                        const SessionVariables& wanted,
                        const InitialCharset& initial) {
  if (present == wanted) return {};
  Clauses clauses;
  if (!has_same_charset(present, wanted)) add_charset_group(clauses, wanted, initial);
  for (const auto& [name, value] : wanted.map()) {
    const std::string* known = present.find(name);
    const bool holds = known != nullptr && *known == value;
    if (!holds && !is_of_charset_group(name)) add(clauses, name, value);
  }
  for (const auto& [name, value] : present.map()) {
    if (is_of_charset_group(name) || wanted.find(name) != nullptr) continue;
    clauses.emplace_back(carry_order(name), name + "=DEFAULT");
  }
  std::sort(clauses.begin(), clauses.end());
  std::string text;
  for (const auto& [order, clause] : clauses) {
    if (!text.empty()) text += ", ";
    text += clause;
  }
  return text;
}

}  // namespace dorsal::sql
