#include "core/sql/identity_query.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/sql/charset.h"
#include "core/sql/cursor.h"
#include "core/sql/identity_call.h"

namespace dorsal::sql {
namespace {

using What = IdentityQuery::What;

constexpr std::array<std::string_view, 3> kModifiers = {"all", "distinct", "sql_no_cache"};
// What may follow the list of columns, as far as clients write it behind such functions.
constexpr std::array<std::string_view, 6> kClauses =
    {"from", "where", "limit", "order", "group", "having"};
constexpr std::array<std::string_view, 3> kUnions = {"union", "except", "intersect"};

// Those of information_schema, performance_schema and sys.
constexpr std::array<std::string_view, 5> kTablesOfConnections = {"processlist",
                                                                  "threads",
                                                                  "innodb_trx",
                                                                  "session_connect_attrs",
                                                                  "session_account_connect_attrs"};

bool may_be_table_of_connections(const Token& token) {
  if (token.kind != TokenKind::Word && token.kind != TokenKind::QuotedIdentifier) return false;
  const std::string_view name = unquoted(token.text);
  return std::any_of(kTablesOfConnections.begin(),
                     kTablesOfConnections.end(),
                     [&](std::string_view table) { return equal_words(name, table); });
}

bool is_alias(const Token& token) {
  return token.kind == TokenKind::QuotedIdentifier || token.kind == TokenKind::String ||
         (token.kind == TokenKind::Word && !is_one_of(token, kClauses) &&
          !is_one_of(token, kUnions));
}

class Parser {
 public:
  Parser(std::string_view sql, LexerMode mode)
      : cursor_(sql, mode), ignores_space_(mode.ignore_space) {}

  IdentityQuery parse() {
    if (cursor_.accept("show")) {
      parse_show();
    } else if (cursor_.accept("select")) {
      parse_select();
    } else {
      while (!cursor_.at_statement_end()) advance();
    }
    (void)cursor_.accept(';');
    const bool is_sure = cursor_.at_end() && !cursor_.doubtful() && cursor_.code_marks() == 0;
    return is_sure ? query_ : IdentityQuery();
  }

 private:
  void parse_show() {
    (void)cursor_.accept("full");
    query_.lists_sessions = cursor_.accept("processlist");
  }

  void parse_select() {
    while (is_one_of(cursor_.token(), kModifiers)) cursor_.advance();
    for (std::size_t place = 0; parse_column(place); ++place) cursor_.advance();
    for (; !cursor_.at_statement_end(); advance()) {
      if (depth_ == 0 && is_one_of(cursor_.token(), kUnions)) query_.columns.clear();
    }
  }

  // One item of the list; true when it ends with a comma, on which the cursor then stands.
  bool parse_column(std::size_t place) {
    const auto what = parse_function();
    if (what) {
      const bool has_as = cursor_.accept("as");
      if (has_as || is_alias(cursor_.token())) cursor_.advance();
      const bool is_all = cursor_.token().is(',') || cursor_.at_statement_end() ||
                          is_one_of(cursor_.token(), kClauses) ||
                          is_one_of(cursor_.token(), kUnions);
      if (is_all && is_counted_) query_.columns.push_back({place, *what});
    }
    bool may_be_all_columns = !what;
    for (; !cursor_.at_statement_end(); advance()) {
      const Token& token = cursor_.token();
      if (depth_ == 0 && token.is(',')) return true;
      if (depth_ == 0 && (is_one_of(token, kClauses) || is_one_of(token, kUnions))) return false;
      if (depth_ == 0 && token.is('*') && may_be_all_columns) is_counted_ = false;
      may_be_all_columns = token.is('.');
    }
    return false;
  }

  // Steps over a call of one of the functions. What else begins like one is stepped over in part.
  std::optional<What> parse_function() {
    if (cursor_.token().kind != TokenKind::Word) return std::nullopt;
    if (is_word(cursor_.token(), "is_used_lock")) return parse_lock();
    const Token name = cursor_.token();
    if (!identity_call(name, true)) return std::nullopt;
    advance();
    const auto identity = identity_call(name, ignores_space_ || touch(name, cursor_.token()));
    if (!identity || !cursor_.token().is('(')) return std::nullopt;
    advance();
    if (!cursor_.token().is(')')) return std::nullopt;
    advance();
    return *identity == Identity::User ? What::User : What::ConnectionId;
  }

  std::optional<What> parse_lock() {
    cursor_.advance();
    if (!cursor_.token().is('(')) return std::nullopt;
    const int outside = depth_;
    do {
      advance();
    } while (depth_ > outside && !cursor_.at_statement_end());
    return What::LockHolder;
  }

  void advance() {
    const Token& token = cursor_.token();
    if (token.is('(')) ++depth_;
    if (token.is(')')) --depth_;
    query_.reads_connections |= may_be_table_of_connections(token);
    cursor_.advance();
  }

  Cursor cursor_;
  const bool ignores_space_;
  IdentityQuery query_;
  int depth_ = 0;
  bool is_counted_ = true;  // no column so far stands for several
};

}  // namespace

IdentityQuery parse_identity_query(std::string_view sql, LexerMode mode) {
  if (is_unreadable(sql, mode)) return {};
  return Parser(sql, mode).parse();
}

}  // namespace dorsal::sql
