// Notes what the tokens of one statement say about where it may run and what it leaves behind.
//
// It sees every token after the statement's head once, in order, and knows no grammar: each fact is
// a word, or two or three tokens in a row. A fact may be noted where none is (the statement then
// stays on the primary); it is never missed.
#pragma once

#include <cstdint>

#include "core/sql/lexer.h"

namespace dorsal::sql {

enum class Fact : std::uint8_t {
  ForUpdate,
  ForShare,
  Lock,  // LOCK IN SHARE MODE; WITH READ LOCK
  Into,
  IntoFile,  // INTO OUTFILE, INTO DUMPFILE
  Procedure,
  WriteVerb,  // INSERT, REPLACE, UPDATE, DELETE as a statement of its own
  AssignsUserVariable,
  ReadsUserVariable,
  UserLock,       // any function about user locks
  TakesUserLock,  // GET_LOCK()
  ReleasesAllLocks,
  PositionWait,
  LastInsertId,
  CountsAllRows,  // SQL_CALC_FOUND_ROWS
  LastResult,     // FOUND_ROWS(), ROW_COUNT(), @@warning_count, @@error_count
  OwnServer,      // LOAD_FILE() and its like
  ConnectionId,
  ClientUser,  // USER() and its like
  ServerVariable,
  ServerSchema,  // mysql, performance_schema, sys, and information_schema where servers differ
  UnknownFunction,
  QualifiedFunction,  // schema.f(
  ProxyVariable,      // @@dorsal_…, @@session_track_…
};

class Facts {
 public:
  void add(Fact fact) { bits_ |= bit(fact); }
  bool has(Fact fact) const { return (bits_ & bit(fact)) != 0; }
  bool none() const { return bits_ == 0; }

 private:
  static constexpr std::uint32_t bit(Fact fact) { return 1U << static_cast<unsigned>(fact); }
  std::uint32_t bits_ = 0;
};

class Observer {
 public:
  explicit Observer(LexerMode mode) : ignore_space_(mode.ignore_space) {}

  // The token must stay in its place until the second call from here, or until forget().
  void see(const Token& token);
  // The tokens so far are no context for the next one.
  void forget() { previous_ = before_previous_ = &kNoToken; }

  const Facts& facts() const { return facts_; }

 private:
  static const Token kNoToken;

  void see_keyword(const Token& token);
  void see_sign(const Token& token);
  void see_call(const Token& parenthesis);
  void see_system_variable(const Token& token);
  void see_qualified(const Token& token);
  bool continues_with(const Token& token) const;
  bool names_columns() const;

  bool ignore_space_;
  Facts facts_;
  const Token* previous_ = &kNoToken;
  const Token* before_previous_ = &kNoToken;
  int depth_ = 0;
  // The depth at which a list of common table expressions is being read. Only there may a name with
  // a parenthesis follow a comma and still call nothing.
  int with_depth_ = -1;
};

}  // namespace dorsal::sql
