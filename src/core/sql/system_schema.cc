#include "core/sql/system_schema.h"

#include "core/sql/name_table.h"
#include "core/sql/statement.h"

namespace dorsal::sql {
namespace {

constexpr std::string_view kReplicatedViewNames =
    "character_sets check_constraints collations collation_character_set_applicability columns "
    "columns_extensions column_privileges column_statistics events key_column_usage keywords "
    "parameters partitions referential_constraints routines schemata schemata_extensions "
    "schema_privileges statistics st_geometry_columns st_spatial_reference_systems "
    "st_units_of_measure tables tables_extensions table_constraints table_constraints_extensions "
    "table_privileges triggers user_privileges views view_routine_usage view_table_usage";

constexpr auto make_rows() {
  std::array<NameRow<bool>, count_words(kReplicatedViewNames)> rows{};
  (void)add_words(rows, 0, kReplicatedViewNames, true);
  return rows;
}

constexpr NameTable kReplicatedViews(make_rows());

}  // namespace

bool is_system_schema(std::string_view name) {
  switch (name.size()) {
    case 3:
      return equal_words(name, "sys");
    case 5:
      return equal_words(name, "mysql");
    case 18:
      return equal_words(name, "information_schema") || equal_words(name, "performance_schema");
    default:
      return false;
  }
}

bool is_system_schema(const Token& identifier) {
  if (identifier.kind == TokenKind::Word) return is_system_schema(identifier.text);
  if (identifier.kind != TokenKind::QuotedIdentifier) return false;
  return is_system_schema(unquoted(identifier.text));
}

bool is_replicated_view(const Token& schema, const Token& table) {
  return names(schema, "information_schema") &&
         kReplicatedViews.find(unquoted(table.text)) != nullptr;
}

}  // namespace dorsal::sql
