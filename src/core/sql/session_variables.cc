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
constexpr std::array kCharsetGroup = {kClient,
                                      kConnection,
                                      kCollation,
                                      kResults,
                                      kResultsCollation};

bool is_of_charset_group(std::string_view name) {
  return std::find(kCharsetGroup.begin(), kCharsetGroup.end(), name) != kCharsetGroup.end();
}

bool has_same_charset(const SessionVariables& left, const SessionVariables& right) {
  for (std::string_view name : kCharsetGroup) {
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

std::string joined(Clauses clauses) {
  std::sort(clauses.begin(), clauses.end());
  std::string text;
  for (const auto& [order, clause] : clauses) {
    if (!text.empty()) text += ", ";
    text += clause;
  }
  return text;
}

// What a SET NAMES can bring about: the collation of results, and often all else too.
struct Names {
  std::string charset;  // empty: none is of use
  std::string collation;
};

Names names_of_results(const SessionVariables& wanted, const InitialVariables& initial) {
  const std::string* charset = wanted.find(kResults);
  const std::string* collation = wanted.find(kResultsCollation);
  if (charset != nullptr && collation != nullptr) return {*charset, *collation};
  const bool begins_alike =
      initial.client == initial.connection && initial.client == initial.results;
  if (charset == nullptr && begins_alike) return {initial.results, initial.collation};
  return {};
}

// A collation is named only where it is not the character set's own.
void add_charset_group(Clauses& clauses,
                       const SessionVariables& wanted,
                       const InitialVariables& initial) {
  constexpr int kBeforeAll = -1;
  auto value = [&](std::string_view name, const std::string& otherwise) -> const std::string& {
    const std::string* found = wanted.find(name);
    return found != nullptr ? *found : otherwise;
  };
  const Names names = names_of_results(wanted, initial);
  if (!names.charset.empty()) {
    clauses.emplace_back(kBeforeAll, "NAMES " + names.charset + " COLLATE " + names.collation);
  } else {
    add(clauses, kResults, value(kResults, initial.results));
  }
  const std::string& client = value(kClient, initial.client);
  if (client != names.charset) add(clauses, kClient, client);
  const std::string& connection = value(kConnection, initial.connection);
  const bool has_own_collation = wanted.find(kConnection) != nullptr;
  const std::string collation = value(kCollation, has_own_collation ? "" : initial.collation);
  if (connection == names.charset && collation == names.collation) return;
  add(clauses, kConnection, connection);
  if (!collation.empty()) add(clauses, kCollation, collation);
}

// Takes back what a session has changed.
std::string default_clause(const std::string& name, const InitialVariables& initial) {
  if (name == "sql_mode" && initial.ignores_space) {
    return "sql_mode=CONCAT(@@GLOBAL.sql_mode,',IGNORE_SPACE')";
  }
  if (name == "wait_timeout" && initial.is_interactive) {
    return "wait_timeout=@@GLOBAL.interactive_timeout";
  }
  // With DEFAULT, a server of version 9.7 leaves the checks of foreign keys to the storage engine
  // from then on, as after COM_RESET_CONNECTION, where a failed INSERT uses up AUTO_INCREMENT
  // values; and it switches the checks of uniqueness off, whatever their default is.
  if (name == "foreign_key_checks" || name == "unique_checks") return name + "=@@GLOBAL." + name;
  return name + "=DEFAULT";
}

// What a new character set makes void: the collation that goes with it.
std::string_view dependent_of(std::string_view name) {
  if (name == kConnection) return kCollation;
  return name == kResults ? kResultsCollation : std::string_view();
}

}  // namespace

bool SessionVariables::note(std::string_view name, std::string_view value) {
  if (!is_tracked(name) && name != kResultsCollation) return false;
  const std::string* known = find(name);
  // A new character set brings its own collation, which servers do not report.
  const std::string_view dependent = dependent_of(name);
  const bool drops_collation = !dependent.empty() && find(dependent) != nullptr;
  if (known != nullptr && *known == value && !drops_collation) return false;
  Map changed = map();
  if (drops_collation) changed.erase(changed.find(dependent));
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
                        const InitialVariables& initial) {
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
    clauses.emplace_back(carry_order(name), default_clause(name, initial));
  }
  return joined(std::move(clauses));
}

std::string initial_clauses(const InitialVariables& initial) {
  Clauses clauses;
  add_charset_group(clauses, {}, initial);
  for (const std::string name : {"sql_mode", "wait_timeout"}) {
    clauses.emplace_back(carry_order(name), default_clause(name, initial));
  }
  return joined(std::move(clauses));
}

}  // namespace dorsal::sql
