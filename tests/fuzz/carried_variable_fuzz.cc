// Values of variables that servers report, on their way into a SET for another server: however they
// are made, they stay the value of their own variable.
#include "core/sql/session_variables.h"
#include "core/sql/set_statement.h"
#include "core/sql/tracked.h"
#include "core/sql/user_variables.h"
#include "fuzz_input.h"

namespace dorsal::sql {
namespace {

using fuzz::require;

// In every mode in which a server may read it.
void require_one_assignment(const std::string& clause, Assignment::Scope scope) {
  for (const bool no_escapes : {false, true}) {
    LexerMode mode;
    mode.no_backslash_escapes = no_escapes;
    const std::string sql = "SET " + clause;
    auto assignments = parse_set(sql, mode);
    require(assignments && assignments->size() == 1);
    require(assignments->front().scope == scope && assignments->front().end == sql.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool is_of_user = input.flag();
  const std::string text(input.rest());
  if (!is_of_user) {
    require_one_assignment(set_clause("time_zone", text), Assignment::Scope::Session);
    return 0;
  }
  if (!user_variable(text).empty()) {
    require_one_assignment(*assignment(text, ValueKind::Integer, "1", "", "binary"),
                           Assignment::Scope::User);
  }
  for (const auto kind : {ValueKind::Integer, ValueKind::UnsignedInteger, ValueKind::Double}) {
    auto number = assignment("a", kind, text, "", "binary");
    if (number) require_one_assignment(*number, Assignment::Scope::User);
  }
  auto bytes = assignment("a", ValueKind::Text, "", text, "latin1_bin");
  if (bytes) require_one_assignment(*bytes, Assignment::Scope::User);
  auto collated = assignment("a", ValueKind::Text, "", "", text);
  if (collated) require_one_assignment(*collated, Assignment::Scope::User);
  return 0;
}

}  // namespace dorsal::sql
