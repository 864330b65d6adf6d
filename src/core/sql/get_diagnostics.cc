#include "core/sql/get_diagnostics.h"

#include <utility>

#include "core/sql/ascii.h"
#include "core/sql/whole_statement.h"

namespace dorsal::sql {
namespace {

using Item = GetDiagnostics::Item;

constexpr std::pair<std::string_view, Item> kOfStatement[] = {
    {"number", Item::Number},
    {"row_count", Item::RowCount},
};

constexpr std::pair<std::string_view, Item> kOfCondition[] = {
    {"class_origin", Item::ClassOrigin},
    {"subclass_origin", Item::SubclassOrigin},
    {"returned_sqlstate", Item::ReturnedSqlstate},
    {"message_text", Item::MessageText},
    {"mysql_errno", Item::MysqlErrno},
    {"constraint_catalog", Item::GivenName},
    {"constraint_schema", Item::GivenName},
    {"constraint_name", Item::GivenName},
    {"catalog_name", Item::GivenName},
    {"schema_name", Item::GivenName},
    {"table_name", Item::GivenName},
    {"column_name", Item::GivenName},
    {"cursor_name", Item::GivenName},
};

template <class Names>
bool read_item(Cursor& cursor, const Names& names, Item& item) {
  for (const auto& [name, meant] : names) {
    if (!cursor.accept(name)) continue;
    item = meant;
    return true;
  }
  return false;
}

bool read_target(Cursor& cursor, bool is_of_condition, GetDiagnostics::Target& target) {
  if (cursor.token().kind != TokenKind::UserVariable) return false;
  target.variable = to_lower(unquoted(cursor.token().text.substr(1)));
  cursor.advance();
  if (!cursor.accept('=')) return false;
  return is_of_condition ? read_item(cursor, kOfCondition, target.item)
                         : read_item(cursor, kOfStatement, target.item);
}

bool read_condition(Cursor& cursor, GetDiagnostics& get) {
  switch (cursor.token().kind) {
    case TokenKind::Number:
    case TokenKind::String:
    case TokenKind::UserVariable:
    case TokenKind::SystemVariable:
      break;
    case TokenKind::Word:
      if (!is_word(cursor.token(), "null")) return false;
      break;
    default:
      return false;
  }
  get.condition = cursor.token().text;
  cursor.advance();
  return true;
}

bool read_statement(Cursor& cursor, GetDiagnostics& get) {
  if (!cursor.accept("get")) return false;
  (void)cursor.accept("current");
  if (!cursor.accept("diagnostics")) return false;
  const bool is_of_condition = cursor.accept("condition");
  if (is_of_condition && !read_condition(cursor, get)) return false;
  do {
    GetDiagnostics::Target target;
    if (!read_target(cursor, is_of_condition, target)) return false;
    get.targets.push_back(std::move(target));
  } while (cursor.accept(','));
  return true;
}

}  // namespace

std::optional<GetDiagnostics> parse_get_diagnostics(std::string_view sql, LexerMode mode) {
  GetDiagnostics get;
  const auto read = [&](Cursor& cursor) { return read_statement(cursor, get); };
  if (!is_whole_statement(sql, mode, read)) return {};
  return get;
}

std::optional<LeadingGetDiagnostics> parse_leading_get_diagnostics(std::string_view sql,
                                                                   LexerMode mode) {
  GetDiagnostics get;
  const auto read = [&](Cursor& cursor) { return read_statement(cursor, get); };
  const auto rest = end_of_leading_statement(sql, mode, read);
  if (!rest) return {};
  return LeadingGetDiagnostics{std::move(get), *rest};
}

}  // namespace dorsal::sql
