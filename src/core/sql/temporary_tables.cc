#include "core/sql/temporary_tables.h"

#include "core/sql/cursor.h"

namespace dorsal::sql {
namespace {

bool is_name(const Token& token) {
  return token.kind == TokenKind::Word || token.kind == TokenKind::QuotedIdentifier;
}

// Empty when there is no name here.
std::string read_name(Cursor& cursor, std::string_view default_schema) {
  if (!is_name(cursor.token())) return {};
  std::string schema(default_schema);
  std::string table(unquoted(cursor.token().text));
  cursor.advance();
  if (cursor.accept('.')) {
    if (!is_name(cursor.token())) return {};
    schema = table;
    table = unquoted(cursor.token().text);
    cursor.advance();
  }
  return schema + "." + table;
}

void read_create(Cursor& cursor, std::string_view default_schema, TemporaryTables& tables) {
  if (cursor.accept("or")) (void)cursor.accept("replace");
  if (!cursor.accept("temporary") || !cursor.accept("table")) return;
  if (cursor.accept("if") && !(cursor.accept("not") && cursor.accept("exists"))) return;
  auto name = read_name(cursor, default_schema);
  if (name.empty()) return;
  while (!cursor.at_statement_end()) cursor.advance();
  tables.made.push_back(std::move(name));
}

void read_drop(Cursor& cursor, std::string_view default_schema, TemporaryTables& tables) {
  (void)cursor.accept("temporary");
  if (!cursor.accept("table") && !cursor.accept("tables")) return;
  if (cursor.accept("if") && !cursor.accept("exists")) return;
  do {
    auto name = read_name(cursor, default_schema);
    if (name.empty()) return;
    tables.dropped.push_back(std::move(name));
  } while (cursor.accept(','));
  (void)(cursor.accept("restrict") || cursor.accept("cascade"));
}

}  // namespace

TemporaryTables temporary_tables_in(std::string_view sql,
                                    LexerMode mode,
                                    std::string_view default_schema) {
  TemporaryTables tables;
  Cursor cursor(sql, mode);
  if (cursor.accept("create")) {
    read_create(cursor, default_schema, tables);
  } else if (cursor.accept("drop")) {
    read_drop(cursor, default_schema, tables);
  }
  (void)cursor.accept(';');
  return cursor.at_end() && !cursor.doubtful() ? tables : TemporaryTables();
}

}  // namespace dorsal::sql
