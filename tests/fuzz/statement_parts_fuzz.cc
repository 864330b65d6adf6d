// Questions about statements that classify() leaves open: answers are sound for any text, and
// depend on nothing but the text.
#include <algorithm>

#include "core/sql/diagnostics_query.h"
#include "core/sql/identity_query.h"
#include "core/sql/own_identity.h"
#include "core/sql/temporary_tables.h"
#include "core/sql/user_variables.h"
#include "fuzz_input.h"

namespace dorsal::sql {
namespace {

using fuzz::require;

// The one without a name is a variable too.
void check_names(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  require(std::adjacent_find(names.begin(), names.end()) == names.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  LexerMode mode;
  mode.ansi_quotes = input.flag();
  mode.no_backslash_escapes = input.flag();
  mode.single_byte_charset = input.flag();
  mode.unsafe_charset = input.flag();
  const auto sql = input.rest();
  const std::string copy(sql);

  const auto variables = user_variables_in(sql, mode);
  check_names(variables);
  require(variables == user_variables_in(copy, mode));

  const auto tables = temporary_tables_in(sql, mode, "schema");
  const auto again = temporary_tables_in(copy, mode, "schema");
  require(tables.made == again.made && tables.dropped == again.dropped);
  for (const auto* names : {&tables.made, &tables.dropped}) {
    for (const auto& name : *names) require(name.find('.') != std::string::npos);
  }

  const auto query = parse_diagnostics_query(sql, mode);
  require(query.has_value() == parse_diagnostics_query(copy, mode).has_value());
  if (query) require(tables.made.empty() && tables.dropped.empty());

  const auto identity = parse_identity_query(sql, mode);
  require(identity.columns == parse_identity_query(copy, mode).columns);
  for (std::size_t i = 1; i < identity.columns.size(); ++i) {
    require(identity.columns[i - 1].place < identity.columns[i].place);
  }
  const auto own = with_own_identity(sql, mode, {"name@host", 7});
  require(own == with_own_identity(copy, mode, {"name@host", 7}));
  if (own) require(own->find("AS UNSIGNED") != own->npos || own->find("name@host") != own->npos);
  return 0;
}

}  // namespace dorsal::sql
