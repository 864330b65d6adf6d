#include "core/sql/heads.h"

#include <array>

#include "core/sql/dorsal_query.h"
#include "core/sql/set_reader.h"
#include "core/sql/set_summary.h"

namespace dorsal::sql {
namespace {

struct ShowRule {
  std::string_view first;
  std::string_view second;  // empty: whatever follows
  Place place;
  std::string_view rule;
};

// Behind SHOW and its modifiers. What is not in the table shows the state of one server, as SHOW
// CREATE TABLE does: it has the next AUTO_INCREMENT, and no replica hears of those that a rollback
// has used up.
constexpr std::array kShowRules{
    ShowRule{"tables", "", Place::AnyReplica, "show_schema"},
    ShowRule{"columns", "", Place::AnyReplica, "show_schema"},
    ShowRule{"fields", "", Place::AnyReplica, "show_schema"},
    ShowRule{"index", "", Place::AnyReplica, "show_schema"},
    ShowRule{"indexes", "", Place::AnyReplica, "show_schema"},
    ShowRule{"keys", "", Place::AnyReplica, "show_schema"},
    ShowRule{"databases", "", Place::AnyReplica, "show_schema"},
    ShowRule{"schemas", "", Place::AnyReplica, "show_schema"},
    ShowRule{"triggers", "", Place::AnyReplica, "show_schema"},
    ShowRule{"events", "", Place::AnyReplica, "show_schema"},
    ShowRule{"procedure", "status", Place::AnyReplica, "show_schema"},
    ShowRule{"function", "status", Place::AnyReplica, "show_schema"},
    ShowRule{"create", "view", Place::AnyReplica, "show_schema"},
    ShowRule{"create", "database", Place::AnyReplica, "show_schema"},
    ShowRule{"create", "schema", Place::AnyReplica, "show_schema"},
    ShowRule{"create", "procedure", Place::AnyReplica, "show_schema"},
    ShowRule{"create", "function", Place::AnyReplica, "show_schema"},
    ShowRule{"create", "trigger", Place::AnyReplica, "show_schema"},
    ShowRule{"create", "event", Place::AnyReplica, "show_schema"},
    ShowRule{"character", "set", Place::AnyReplica, "show_charset"},
    ShowRule{"charset", "", Place::AnyReplica, "show_charset"},
    ShowRule{"collation", "", Place::AnyReplica, "show_charset"},
    ShowRule{"warnings", "", Place::LastUsed, "show_warnings"},
    ShowRule{"errors", "", Place::LastUsed, "show_warnings"},
    ShowRule{"count", "", Place::LastUsed, "show_warnings"},
};

bool is_stored_program(const Token& token) {
  for (std::string_view word : {"procedure", "function", "trigger", "event", "library"}) {
    if (is_word(token, word)) return true;
  }
  return false;
}

}  // namespace

void Heads::nothing(Recogniser&) {}

// WITH … SELECT or WITH … UPDATE: told apart by the verb that follows the list.
void Heads::with(Recogniser& r) {
  r.read_rest();
  if (!r.observer_.facts().has(Fact::WriteVerb)) return;
  r.statement_.kind = Kind::Write;
  r.statement_.may_write = true;
  r.decide(Place::Primary, "with_write");
}

// Accounts and roles are rows of the server's own tables.
bool Heads::account(Recogniser& r) {
  if (!is_word(r.token(), "user") && !is_word(r.token(), "role")) return false;
  r.statement_.rule = "account";
  return true;
}

void Heads::create(Recogniser& r) {
  if (account(r)) return;
  if (r.accept("or")) (void)r.accept("replace");
  if (r.accept("definer")) skip_definer(r);
  (void)r.accept("aggregate");
  if (is_stored_program(r.token())) return body(r);
  if (!r.accept("temporary")) return;
  r.statement_.pins |= Pin::TemporaryTable;
  r.statement_.rule = "create_temporary_table";
}

void Heads::alter(Recogniser& r) {
  if (account(r)) return;
  if (r.accept("definer")) skip_definer(r);
  if (is_word(r.token(), "event")) body(r);
}

void Heads::rename(Recogniser& r) { (void)account(r); }

void Heads::drop(Recogniser& r) {
  if (account(r)) return;
  if (is_word(r.token(), "temporary")) r.statement_.rule = "drop_temporary_table";
  if (!is_word(r.token(), "prepare")) return;
  r.statement_.kind = Kind::Deallocate;
  r.statement_.may_write = false;
  r.statement_.rule = "deallocate";
}

void Heads::skip_definer(Recogniser& r) {
  while (!r.at_statement_end() && !is_stored_program(r.token()) && !is_word(r.token(), "view")) {
    r.advance();
  }
}

// What a stored program will do one day is no matter of this session, and the semicolons in it
// end no statement. A further statement behind it would go unseen.
void Heads::body(Recogniser& r) {
  r.statement_.rule = "create_stored_program";
  bool semicolon = false;
  for (; !r.cursor_.at_end(); r.cursor_.advance()) {
    if (semicolon) r.statement_.pins |= Pin::Hidden;
    semicolon |= r.token().is(';');
  }
}

void Heads::load(Recogniser& r) {
  if (is_word(r.token(), "data") || is_word(r.token(), "xml")) return;
  r.statement_.kind = Kind::Other;  // LOAD INDEX INTO CACHE
  r.statement_.rule = "administration";
}

// EXPLAIN, DESCRIBE and DESC are one word to the server.
void Heads::explain(Recogniser& r) {
  bool runs = r.accept("analyze");
  for (;;) {
    if (is_word(r.token(), "format")) {
      r.skip();
      if (!r.token().is('=')) break;  // a table of this name
      r.skip();
      r.skip();
    } else if (r.accept("into")) {
      r.advance();  // @variable
    } else if (r.accept("for")) {
      if (is_word(r.token(), "connection")) {
        return r.decide(Place::Primary, "explain_for_connection");
      }
      r.advance();  // SCHEMA, DATABASE
      r.advance();
    } else if (!r.accept("extended") && !r.accept("partitions")) {
      break;
    }
  }
  r.read_rest();
  if (!r.observer_.facts().has(Fact::WriteVerb)) return;
  r.statement_.may_write = runs;
  r.decide(Place::Primary, "explain_write");
}

// The words of the head are names of things, not facts.
void Heads::show(Recogniser& r) {
  if (is_word(r.token(), "extended")) r.skip();
  if (is_word(r.token(), "full")) r.skip();
  Token first = r.token();
  r.skip();
  for (const ShowRule& row : kShowRules) {
    if (!is_word(first, row.first)) continue;
    if (!row.second.empty() && !is_word(r.token(), row.second)) continue;
    if (!row.second.empty()) r.skip();
    return r.decide(row.place, row.rule);
  }
  r.statement_.asks_identity = is_word(first, "processlist");
  // SHOW VARIABLES has last_insert_id and identity.
  r.statement_.asks_insert_id = is_word(first, "variables") || is_word(r.token(), "variables");
  r.decide(Place::Primary, "show_server_state");
  r.read_rest();
  if (!parse_dorsal_query(r.sql_, r.mode_)) return;
  r.statement_.kind = Kind::DorsalShow;
  r.decide(Place::Proxy, "show_dorsal");
}

void Heads::begin(Recogniser& r) {
  (void)r.accept("work");
  if (!r.at_statement_end()) unknown(r);
}

// START TRANSACTION [characteristic [, characteristic]…]
void Heads::start(Recogniser& r) {
  if (!r.accept("transaction")) return administration(r);
  r.statement_.kind = Kind::Begin;
  r.statement_.may_write = false;
  r.statement_.unpins |= Pin::TableLock;
  bool read_only = false;
  bool snapshot = false;
  while (!r.at_statement_end()) {
    if (r.accept("read")) {
      read_only |= r.accept("only");
    } else {
      snapshot |= r.accept("snapshot");
    }
    r.advance();
  }
  if (snapshot) r.statement_.kind = Kind::BeginSnapshot;
  if (read_only) r.statement_.kind = Kind::BeginReadOnly;
  if (read_only && snapshot) r.statement_.kind = Kind::BeginReadOnlySnapshot;
  if (!read_only) return r.decide(Place::Primary, snapshot ? "begin_snapshot" : "begin");
  r.decide(Place::AnyReplica, snapshot ? "begin_read_only_snapshot" : "begin_read_only");
}

// [WORK] [AND [NO] CHAIN] [[NO] RELEASE]
void Heads::commit(Recogniser& r) {
  (void)r.accept("work");
  if (r.accept("and") && !r.accept("no")) r.statement_.rule = "commit_and_chain";
  (void)r.accept("chain");
  if (!r.accept("no") && r.accept("release")) r.statement_.rule = "commit_release";
}

void Heads::rollback(Recogniser& r) {
  (void)r.accept("work");
  if (r.accept("to")) {
    r.statement_.kind = Kind::Savepoint;
    r.statement_.rule = "rollback_to_savepoint";
    return;
  }
  if (r.accept("and") && !r.accept("no")) r.statement_.rule = "rollback_and_chain";
  (void)r.accept("chain");
  if (!r.accept("no") && r.accept("release")) r.statement_.rule = "rollback_release";
}

void Heads::xa(Recogniser& r) {
  if (is_word(r.token(), "start") || is_word(r.token(), "begin")) r.statement_.pins |= Pin::Xa;
  if (is_word(r.token(), "commit") || is_word(r.token(), "rollback")) {
    r.statement_.unpins |= Pin::Xa;
  }
}

void Heads::lock(Recogniser& r) {
  if (!r.accept("instance")) return;
  r.statement_.kind = Kind::LockInstance;
  r.statement_.pins = Pin::BackupLock;
  r.statement_.rule = "lock_instance";
}

void Heads::unlock(Recogniser& r) {
  if (!r.accept("instance")) return;
  r.statement_.kind = Kind::UnlockInstance;
  r.statement_.unpins = Pin::BackupLock;
  r.statement_.rule = "unlock_instance";
}

// Only FLUSH TABLES … WITH READ LOCK and FLUSH TABLES … FOR EXPORT leave something behind. With
// names between, the lock is of those tables.
void Heads::flush(Recogniser& r) {
  (void)(r.accept("no_write_to_binlog") || r.accept("local"));
  if (!r.accept("tables") && !r.accept("table")) return;
  bool all = r.token().is(Keyword::With);
  bool exports = false;
  for (; !r.at_statement_end(); r.advance()) exports |= r.token().is(Keyword::For);
  if (!exports && !r.observer_.facts().has(Fact::Lock)) return;
  r.statement_.pins |= all ? Pin::GlobalReadLock : Pin::TableLock;
  r.statement_.rule = "flush_tables_with_lock";
}

void Heads::handler(Recogniser& r) {
  for (; !r.at_statement_end(); r.advance()) {
    if (is_word(r.token(), "open")) r.statement_.pins |= Pin::Handler;
  }
}

void Heads::set(Recogniser& r) {
  SetReader<Recogniser> reader(r);
  SetSummary summary;
  for (SetItem item; reader.next(item);) summary.add(item);
  if (reader.failed() || !r.at_statement_end()) summary.add_unreadable();
  summary.apply(r.statement_);
}

void Heads::unknown(Recogniser& r) {
  r.statement_ = Statement{};
  r.statement_.pins = Pin::Hidden;
  r.statement_.rule = "unknown_statement";
}

void Heads::administration(Recogniser& r) {
  r.statement_.kind = Kind::Other;
  r.statement_.may_write = true;
  r.statement_.rule = "administration";
}

}  // namespace dorsal::sql
