#include "core/sql/own_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "core/sql/charset.h"
#include "core/sql/cursor.h"
#include "core/sql/identity_call.h"
#include "core/sql/system_schema.h"

namespace dorsal::sql {
namespace {

// A longer text may be cut short when it becomes the name of a column.
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kTokensOfCall = 3;
// Bounds what a hostile text costs.
constexpr int kDeepest = 200;
constexpr std::size_t kLongestText = std::size_t{1} << 20;

constexpr std::array<std::string_view, 10> kVerbs =
    {"select", "with", "insert", "replace", "update", "delete", "do", "set", "call", "load"};
// Between SELECT and its columns.
constexpr std::array<std::string_view, 10> kModifiers = {"all",
                                                         "distinct",
                                                         "distinctrow",
                                                         "high_priority",
                                                         "straight_join",
                                                         "sql_small_result",
                                                         "sql_big_result",
                                                         "sql_buffer_result",
                                                         "sql_no_cache",
                                                         "sql_calc_found_rows"};
// Behind a SELECT's columns.
constexpr std::array<std::string_view, 14> kClauses = {"from",
                                                       "into",
                                                       "where",
                                                       "group",
                                                       "having",
                                                       "window",
                                                       "order",
                                                       "limit",
                                                       "procedure",
                                                       "for",
                                                       "lock",
                                                       "union",
                                                       "except",
                                                       "intersect"};
// With these no row of the result, or not each, has the columns of the first SELECT.
constexpr std::array<std::string_view, 4> kOtherRows = {"union", "except", "intersect", "into"};
// What follows these is the name of a table or a procedure, `user` for one.
constexpr std::array<std::string_view, 8> kBeforeNames =
    {"into", "insert", "replace", "ignore", "low_priority", "delayed", "table", "call"};

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '\'' && c != '\\' && c != '`';
  });
}

bool has_comment(std::string_view text) {
  return text.find("/*") != text.npos || text.find("--") != text.npos ||
         text.find('#') != text.npos;
}

// What a server says about connections in its own terms.
bool speaks_of_servers(const Token& token) {
  if (is_system_schema(token)) return true;
  if (token.kind != TokenKind::Word) return false;
  const Call call = find_call(token.text);
  return call == Call::TakesUserLock || call == Call::UserLock || call == Call::OwnServer;
}

class Rewriter {
 public:
  Rewriter(std::string_view sql, LexerMode mode, const OwnIdentity& identity)
      : sql_(sql), identity_(identity), ignores_space_(mode.ignore_space) {
    Cursor cursor(sql, mode);
    for (; !cursor.at_end(); cursor.advance()) tokens_.push_back(cursor.token());
    tokens_.push_back(cursor.token());
    is_sure_ = !cursor.doubtful() && cursor.code_marks() == 0 &&
               std::none_of(tokens_.begin(), tokens_.end(), speaks_of_servers);
  }

  std::optional<std::string> rewrite() {
    if (!is_sure_) return std::nullopt;
    // The one that ends a single statement counts for nothing.
    auto last = std::prev(tokens_.end());
    if (last != tokens_.begin() && std::prev(last)->is(';')) --last;
    rows_are_edited_ =
        is_word(token(), "select") && std::none_of(tokens_.begin(), last, [](const Token& each) {
          return each.is(';') || is_one_of(each, kOtherRows);
        });
    while (!at_end()) read_statement();
    if (edits_.empty() || is_too_deep_) return std::nullopt;
    return edited();
  }

 private:
  struct Edit {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string text;
  };

  const Token& token() const { return tokens_[at_]; }
  bool at_end() const { return token().kind == TokenKind::End; }
  bool at_statement_end() const { return at_end() || token().is(';'); }
  std::size_t begin_of(std::size_t place) const {
    return static_cast<std::size_t>(tokens_[place].text.data() - sql_.data());
  }
  std::size_t end_of(std::size_t place) const {
    return begin_of(place) + tokens_[place].text.size();
  }

  void read_statement() {
    // The semicolons of a stored program end none of the text's own statements.
    if (is_word(token(), "create") || is_word(token(), "alter")) at_ = tokens_.size() - 1;
    const bool is_read = is_one_of(token(), kVerbs);
    inserts_ = is_word(token(), "insert") || is_word(token(), "replace");
    while (!at_statement_end()) {
      if (!is_read) {
        ++at_;
      } else {
        read_level(0);
        if (token().is(')')) ++at_;  // one too many: the server will say so
      }
    }
    if (!at_end()) ++at_;
  }

  // Up to the end of the statement or the parenthesis that ends the level.
  void read_level(int depth) {
    is_too_deep_ |= depth > kDeepest;
    if (is_too_deep_) at_ = tokens_.size() - 1;
    while (!at_statement_end() && !token().is(')')) {
      if (!is_word(token(), "select")) {
        read_one(depth);
        continue;
      }
      ++at_;
      while (is_one_of(token(), kModifiers)) ++at_;
      read_column(depth);
      while (token().is(',')) {
        ++at_;
        read_column(depth);
      }
    }
  }

  void read_one(int depth) {
    const auto call = call_here();
    if (call) {
      edits_.push_back({begin_of(at_), end_of(at_ + kTokensOfCall - 1), value_of(*call)});
      at_ += kTokensOfCall;
      return;
    }
    const bool opens = token().is('(');
    ++at_;
    if (!opens) return;
    read_level(depth + 1);
    if (token().is(')')) ++at_;
  }

  void read_column(int depth) {
    const std::size_t begin = at_;
    const std::size_t first_edit = edits_.size();
    while (!at_statement_end() && !token().is(',') && !token().is(')') &&
           !is_one_of(token(), kClauses)) {
      read_one(depth);
    }
    if (edits_.size() > first_edit && !keeps_its_name(begin, first_edit, depth)) {
      edits_.resize(first_edit);
    }
  }

  // Whether the column may be changed: it has an alias, or gets its text for one, or nobody can ask
  // for its name.
  bool keeps_its_name(std::size_t begin, std::size_t first_edit, int depth) {
    const bool has_as = at_ - begin >= kTokensOfCall && is_word(tokens_[at_ - 2], "as");
    const std::size_t expression = at_ - begin - (has_as ? 2 : 0);
    const bool begins_with_call = edits_[first_edit].begin == begin_of(begin);
    // A fourth token can only be an alias without AS.
    const bool is_call_alone = begins_with_call && expression <= kTokensOfCall + 1;
    if (depth == 0 && is_call_alone && rows_are_edited_) return false;
    if (has_as || (depth == 0 && inserts_)) return true;
    if (depth != 0) return false;
    if (is_call_alone && expression == kTokensOfCall + 1) return true;
    const Token& last = tokens_[at_ - 1];
    // Anything else may be an alias.
    if (!last.is(')') && last.kind != TokenKind::Number) return false;
    const std::string_view text = sql_.substr(begin_of(begin), end_of(at_ - 1) - begin_of(begin));
    if (text.size() > kLongestName || !is_plain(text) || has_comment(text)) return false;
    edits_.push_back({end_of(at_ - 1), end_of(at_ - 1), fmt::format(" AS `{}`", text)});
    return true;
  }

  std::optional<Identity> call_here() const {
    if (at_ + kTokensOfCall >= tokens_.size() || token().kind != TokenKind::Word) return {};
    const bool is_name =
        at_ > 0 && (tokens_[at_ - 1].is('.') || is_one_of(tokens_[at_ - 1], kBeforeNames));
    if (is_name || !tokens_[at_ + 1].is('(') || !tokens_[at_ + 2].is(')')) return {};
    return identity_call(token(), ignores_space_ || touch(token(), tokens_[at_ + 1]));
  }

  // Of the same type as the call. USER() is there for its character set and its coercibility, which
  // no literal has.
  std::string value_of(Identity call) const {
    if (call == Identity::User) return fmt::format("REPLACE(USER(),USER(),'{}')", identity_.user);
    return fmt::format("CAST({} AS UNSIGNED)", identity_.connection_id);
  }

  std::string edited() const {
    std::string text;
    std::size_t done = 0;
    for (const Edit& edit : edits_) {
      text += sql_.substr(done, edit.begin - done);
      text += edit.text;
      done = edit.end;
    }
    text += sql_.substr(done);
    return text;
  }

  std::string_view sql_;
  const OwnIdentity& identity_;
  const bool ignores_space_;
  std::vector<Token> tokens_;  // ends with End
  std::vector<Edit> edits_;    // in the order of the text
  std::size_t at_ = 0;
  bool is_sure_ = false;
  bool is_too_deep_ = false;
  bool rows_are_edited_ = false;  // those columns that are calls and nothing else
  bool inserts_ = false;
};

}  // namespace

std::optional<std::string> with_own_identity(std::string_view sql,
                                             LexerMode mode,
                                             const OwnIdentity& identity) {
  if (sql.size() > kLongestText || is_unreadable(sql, mode)) return std::nullopt;
  if (!is_plain(identity.user)) return std::nullopt;
  return Rewriter(sql, mode, identity).rewrite();
}

}  // namespace dorsal::sql
