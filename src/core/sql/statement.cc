#include "core/sql/statement.h"

#include "core/sql/charset.h"
#include "core/sql/recogniser.h"

namespace dorsal::sql {
namespace {

// Of a text with several statements: what the whole of it is, from what it was so far and its next.
Statement combine(const Statement& so_far, const Statement& next) {
  Statement all;
  all.several = true;
  all.kind = Kind::Several;
  all.may_write = so_far.may_write || next.may_write;
  // A later statement may take again what an earlier one releases, so nothing counts as released.
  all.pins = so_far.pins | next.pins;
  all.asks_insert_id = so_far.asks_insert_id || next.asks_insert_id;
  all.counts_all_rows = so_far.counts_all_rows || next.counts_all_rows;
  // A SET in front may change how what follows is read.
  if (so_far.kind == Kind::Set) all.pins |= Pin::Hidden;

  // The proxy can refuse these, and must: forwarded, KILL would hit somebody else's connection and
  // SET would blind the proxy.
  for (const Statement* one : {&so_far, &next}) {
    if (one->kind != Kind::Kill && one->kind != Kind::DorsalSet) continue;
    all.place = Place::Proxy;
    all.kind = one->kind;
    all.rule = one->kind == Kind::Kill ? "several_with_kill" : "several_with_set_dorsal";
    return all;
  }
  bool stays_read = so_far.place == Place::AnyReplica &&
                    (next.place == Place::AnyReplica || next.place == Place::LastUsed);
  bool transaction = so_far.kind == Kind::BeginReadOnly || next.kind == Kind::BeginReadOnly ||
                     so_far.kind == Kind::BeginReadOnlySnapshot ||
                     next.kind == Kind::BeginReadOnlySnapshot;
  all.place = stays_read && !transaction ? Place::AnyReplica : Place::Primary;
  all.rule = all.place == Place::AnyReplica ? "several_reads" : "several_statements";
  return all;
}

void obey(const Hint& hint, Statement& statement) {
  statement.misspelt_hint = hint.misspelt;
  statement.could_leave = statement.place == Place::AnyReplica;
  statement.consistency = hint.consistency;
  if (hint.replica) statement.forced = Place::AnyReplica;
  if (hint.primary) statement.forced = Place::Primary;
  if (hint.primary && statement.place == Place::AnyReplica) {
    statement.place = Place::Primary;
    statement.rule = "hint_primary";
  }
}

// Somewhere in the text a server might see other tokens than we did.
void distrust(std::string_view rule, Statement& statement) {
  statement.may_write = true;
  statement.pins |= Pin::Hidden;
  statement.unpins = {};
  bool stays = statement.place == Place::Primary || statement.kind == Kind::Kill ||
               statement.kind == Kind::DorsalSet;
  if (stays) return;
  if (statement.kind == Kind::DorsalShow) statement.kind = Kind::Other;
  statement.place = Place::Primary;
  statement.rule = rule;
}

}  // namespace

Statement classify(std::string_view sql, LexerMode mode) {
  Cursor cursor(sql, mode);
  Statement statement = Recogniser(cursor, sql, mode).recognise();
  while (cursor.accept(';') && !cursor.at_end()) {
    statement = combine(statement, Recogniser(cursor, sql, mode).recognise());
  }
  obey(cursor.hint(), statement);
  if (cursor.doubtful()) distrust("doubtful_text", statement);
  if (is_unreadable(sql, mode)) distrust("unsafe_charset", statement);
  return statement;
}

std::string_view to_string(Place place) {
  switch (place) {
    case Place::AnyReplica:
      return "replica";
    case Place::Primary:
      return "primary";
    case Place::LastUsed:
      return "last_used";
    case Place::Proxy:
      return "proxy";
  }
  return "primary";
}

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::Empty:
      return "empty";
    case Kind::Select:
      return "select";
    case Kind::Show:
      return "show";
    case Kind::Help:
      return "help";
    case Kind::OtherRead:
      return "other_read";
    case Kind::Do:
      return "do";
    case Kind::Write:
      return "write";
    case Kind::LoadData:
      return "load_data";
    case Kind::Ddl:
      return "ddl";
    case Kind::Call:
      return "call";
    case Kind::Begin:
      return "begin";
    case Kind::BeginReadOnly:
      return "begin_read_only";
    case Kind::BeginSnapshot:
      return "begin_snapshot";
    case Kind::BeginReadOnlySnapshot:
      return "begin_read_only_snapshot";
    case Kind::Commit:
      return "commit";
    case Kind::Rollback:
      return "rollback";
    case Kind::Savepoint:
      return "savepoint";
    case Kind::Xa:
      return "xa";
    case Kind::Set:
      return "set";
    case Kind::SetTransaction:
      return "set_transaction";
    case Kind::DorsalSet:
      return "dorsal_set";
    case Kind::Use:
      return "use";
    case Kind::Prepare:
      return "prepare";
    case Kind::Execute:
      return "execute";
    case Kind::Deallocate:
      return "deallocate";
    case Kind::LockTables:
      return "lock_tables";
    case Kind::UnlockTables:
      return "unlock_tables";
    case Kind::LockInstance:
      return "lock_instance";
    case Kind::UnlockInstance:
      return "unlock_instance";
    case Kind::Handler:
      return "handler";
    case Kind::Flush:
      return "flush";
    case Kind::Kill:
      return "kill";
    case Kind::DorsalShow:
      return "dorsal_show";
    case Kind::Several:
      return "several";
    case Kind::Other:
      return "other";
  }
  return "other";
}

std::string_view to_string(Pin pin) {
  switch (pin) {
    case Pin::TemporaryTable:
      return "temporary_table";
    case Pin::UserLock:
      return "user_lock";
    case Pin::TableLock:
      return "table_lock";
    case Pin::GlobalReadLock:
      return "global_read_lock";
    case Pin::BackupLock:
      return "backup_lock";
    case Pin::SessionVariable:
      return "session_variable";
    case Pin::Role:
      return "role";
    case Pin::Xa:
      return "xa";
    case Pin::UserVariable:
      return "user_variable";
    case Pin::Handler:
      return "handler";
    case Pin::SqlPrepare:
      return "sql_prepare";
    case Pin::Hidden:
      return "hidden";
  }
  return "hidden";
}

}  // namespace dorsal::sql
