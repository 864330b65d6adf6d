#include "core/sql/observer.h"

#include "core/sql/calls.h"
#include "core/sql/system_schema.h"
#include "core/sql/system_variable.h"
#include "core/sql/tracked.h"

namespace dorsal::sql {
namespace {

bool is_identifier(const Token& token) {
  return token.kind == TokenKind::Word || token.kind == TokenKind::QuotedIdentifier;
}

}  // namespace

const Token Observer::kNoToken;

void Observer::see(const Token& token) {
  // As functions these two have their parenthesis behind them.
  bool write_or_function = previous_->is(Keyword::Insert) || previous_->is(Keyword::Replace);
  if (write_or_function && !token.is('(')) facts_.add(Fact::WriteVerb);

  if (depth_ == with_depth_ && !continues_with(token)) with_depth_ = -1;

  switch (token.kind) {
    case TokenKind::Word:
      if (token.keyword != Keyword::None) see_keyword(token);
      [[fallthrough]];
    case TokenKind::QuotedIdentifier:
      if (previous_->is('.')) see_qualified(token);
      break;
    case TokenKind::Punctuation:
      see_sign(token);
      break;
    case TokenKind::UserVariable:
      facts_.add(facts_.has(Fact::Into) ? Fact::AssignsUserVariable : Fact::ReadsUserVariable);
      break;
    case TokenKind::SystemVariable:
      see_system_variable(token);
      break;
    default:
      break;
  }
  before_previous_ = previous_;
  previous_ = &token;
}

void Observer::see_keyword(const Token& token) {
  switch (token.keyword) {
    case Keyword::Update:
      facts_.add(previous_->is(Keyword::For) ? Fact::ForUpdate : Fact::WriteVerb);
      break;
    case Keyword::Delete:
      facts_.add(Fact::WriteVerb);
      break;
    case Keyword::Share:
      if (previous_->is(Keyword::For)) facts_.add(Fact::ForShare);
      break;
    case Keyword::Lock:
      facts_.add(Fact::Lock);
      break;
    case Keyword::Into:
      facts_.add(Fact::Into);
      break;
    case Keyword::Outfile:
    case Keyword::Dumpfile:
      if (previous_->is(Keyword::Into)) facts_.add(Fact::IntoFile);
      break;
    case Keyword::Procedure:
      facts_.add(Fact::Procedure);
      break;
    case Keyword::SqlCalcFoundRows:
      facts_.add(Fact::CountsAllRows);
      break;
    case Keyword::With:
      with_depth_ = depth_;
      break;
    default:
      break;
  }
}

void Observer::see_sign(const Token& token) {
  switch (token.text[0]) {
    case '(':
      see_call(token);
      ++depth_;
      break;
    case ')':
      --depth_;
      break;
    case ':':
      if (previous_->kind == TokenKind::UserVariable) facts_.add(Fact::AssignsUserVariable);
      break;
    default:
      break;
  }
}

// True while the list goes on: WITH [RECURSIVE] name [(…)] AS (…) [, name [(…)] AS (…)]*
// WITH ROLLUP and its like end it with the next word.
bool Observer::continues_with(const Token& token) const {
  if (previous_->is(Keyword::With)) return is_identifier(token);
  if (previous_->is(Keyword::Recursive) || previous_->is(',')) return is_identifier(token);
  if (previous_->is(Keyword::As)) return token.is('(');
  if (previous_->is(')')) return token.is(',') || token.is(Keyword::As);
  return token.is('(') || token.is(Keyword::As);
}

// `AS t (a, b)`, `(SELECT …) t (a, b)`, `WITH t (a, b) AS`: no function can be called there.
bool Observer::names_columns() const {
  const Token& before = *before_previous_;
  return before.is(')') || before.is(Keyword::As) || depth_ == with_depth_;
}

void Observer::see_call(const Token& parenthesis) {
  if (!is_identifier(*previous_)) return;
  if (before_previous_->is('.')) return facts_.add(Fact::QualifiedFunction);
  Call call = Call::Unknown;
  if (previous_->kind == TokenKind::Word) call = find_call(previous_->text);
  const bool is_tight = call == Call::Tight || call == Call::TightClientUser;
  if (is_tight && !ignore_space_ && !touch(*previous_, parenthesis)) {
    call = Call::Unknown;
  }
  switch (call) {
    case Call::Construct:
    case Call::Pure:
    case Call::Tight:
      return;
    case Call::Unknown:
      if (!names_columns()) facts_.add(Fact::UnknownFunction);
      return;
    case Call::TakesUserLock:
      facts_.add(Fact::TakesUserLock);
      return facts_.add(Fact::UserLock);
    case Call::UserLock:
      return facts_.add(Fact::UserLock);
    case Call::ReleasesAllLocks:
      facts_.add(Fact::ReleasesAllLocks);
      return facts_.add(Fact::UserLock);
    case Call::LastInsertId:
      return facts_.add(Fact::LastInsertId);
    case Call::LastResult:
      return facts_.add(Fact::LastResult);
    case Call::OwnServer:
      return facts_.add(Fact::OwnServer);
    case Call::ClientUser:
    case Call::TightClientUser:
      return facts_.add(Fact::ClientUser);
    case Call::ConnectionId:
      return facts_.add(Fact::ConnectionId);
    case Call::Position:
      return facts_.add(Fact::PositionWait);
  }
}

void Observer::see_system_variable(const Token& token) {
  SystemVariable variable = read_system_variable(token.text);
  if (is_proxy_variable(variable)) return facts_.add(Fact::ProxyVariable);
  if (equal_words(variable.name, "warning_count") || equal_words(variable.name, "error_count")) {
    return facts_.add(Fact::LastResult);
  }
  if (equal_words(variable.name, "last_insert_id") || equal_words(variable.name, "identity")) {
    facts_.add(Fact::LastInsertId);
  }
  if (variable.is_session && is_tracked(variable.name)) return;
  facts_.add(Fact::ServerVariable);
}

void Observer::see_qualified(const Token& token) {
  const Token& schema = *before_previous_;
  if (is_system_schema(schema) && !is_replicated_view(schema, token)) {
    facts_.add(Fact::ServerSchema);
  }
}

}  // namespace dorsal::sql
