#include "core/routing/read_only_transaction.h"

namespace dorsal::routing {
namespace {

using sql::Kind;
using sql::Pin;

// Even in a read-only transaction a server carries out DDL, and commits before it.
bool ends_a_transaction(Kind kind) {
  return kind == Kind::Ddl || kind == Kind::Begin || kind == Kind::BeginReadOnly ||
         kind == Kind::BeginSnapshot || kind == Kind::BeginReadOnlySnapshot ||
         kind == Kind::LockTables || kind == Kind::Flush;
}

// What lasts longer than the transaction, or means nothing on a replica. Temporary tables no server
// makes in one; the rest is looked for and cleared away when the transaction has ended.
bool leaves_something_behind(sql::Pins pins) {
  constexpr auto kHarmless =
      sql::Pins(Pin::UserVariable) | Pin::SqlPrepare | Pin::Hidden | Pin::TemporaryTable;
  return pins.without(kHarmless).any();
}

bool is_for_the_primary_alone(const sql::Statement& statement) {
  return statement.rule == "select_for_share" || statement.rule == "select_lock_in_share_mode" ||
         statement.rule == "administration" || leaves_something_behind(statement.pins);
}

}  // namespace

// The other characters say that there is a transaction, that rows were sent, as SELECT 1 does too,
// and that a statement was unsafe for statement-based replication, as the wait for a position is.
bool tells_of_more_than_a_beginning(std::string_view state) {
  return state.find_first_of("rRwWL") != std::string_view::npos;
}

std::vector<std::string> statements_of(std::string_view characteristics) {
  std::vector<std::string> statements;
  while (!characteristics.empty()) {
    const auto end = characteristics.find(';');
    const auto statement = characteristics.substr(0, end);
    const auto start = statement.find_first_not_of(' ');
    if (start != std::string_view::npos) statements.emplace_back(statement.substr(start));
    characteristics = end == std::string_view::npos ? "" : characteristics.substr(end + 1);
  }
  return statements;
}

void ReadOnlyTransaction::note(Kind kind,
                               std::string_view state,
                               std::string_view characteristics) {
  has_touched_ = has_touched_ || kind == Kind::Savepoint || kind == Kind::BeginReadOnlySnapshot ||
                 kind == Kind::BeginSnapshot || tells_of_more_than_a_beginning(state);
  if (!characteristics.empty()) beginning_ = statements_of(characteristics);
}

InReadOnly judge_in_read_only(const sql::Statement& statement, bool may_move) {
  const bool is_temporary =
      statement.pins.has(Pin::TemporaryTable) || statement.rule == "drop_temporary_table";
  if (ends_a_transaction(statement.kind) && !is_temporary) return InReadOnly::EndFirst;
  const bool is_at_home_anywhere =
      statement.place != sql::Place::Primary || statement.kind == Kind::Commit ||
      statement.kind == Kind::Rollback || statement.kind == Kind::Savepoint;
  const bool wants_primary = statement.forced == sql::Place::Primary;
  if (is_at_home_anywhere && !wants_primary && !leaves_something_behind(statement.pins)) {
    return InReadOnly::Stay;
  }
  if (may_move) return InReadOnly::ToPrimary;
  return is_for_the_primary_alone(statement) || wants_primary ? InReadOnly::Refuse
                                                              : InReadOnly::Stay;
}

}  // namespace dorsal::routing
