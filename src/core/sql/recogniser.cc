#include "core/sql/recogniser.h"

#include <array>

#include "core/sql/dorsal_query.h"
#include "core/sql/heads.h"

namespace dorsal::sql {
namespace {

struct ReadRule {
  Fact fact;
  Place place;
  std::string_view rule;
};

// Tried from the top; a read with none of these facts may run on any replica. What must be on the
// primary stands before what must follow the previous statement: a wrong LAST_INSERT_ID() does more
// harm than a wrong FOUND_ROWS().
constexpr std::array kReadRules{
    ReadRule{Fact::WriteVerb, Place::Primary, "write_in_read"},
    ReadRule{Fact::ForUpdate, Place::Primary, "select_for_update"},
    ReadRule{Fact::ForShare, Place::Primary, "select_for_share"},
    ReadRule{Fact::Lock, Place::Primary, "select_lock_in_share_mode"},
    ReadRule{Fact::IntoFile, Place::Primary, "select_into_file"},
    ReadRule{Fact::Into, Place::Primary, "select_into_variable"},
    ReadRule{Fact::Procedure, Place::Primary, "select_procedure"},
    ReadRule{Fact::AssignsUserVariable, Place::Primary, "assigns_user_variable"},
    // Variables live on the connection with the primary.
    ReadRule{Fact::ReadsUserVariable, Place::Primary, "reads_user_variable"},
    ReadRule{Fact::UserLock, Place::Primary, "user_lock"},
    ReadRule{Fact::PositionWait, Place::Primary, "position_wait"},
    ReadRule{Fact::LastInsertId, Place::Primary, "last_insert_id"},
    ReadRule{Fact::OwnServer, Place::Primary, "server_function"},
    ReadRule{Fact::ConnectionId, Place::Primary, "server_function"},
    ReadRule{Fact::ServerVariable, Place::Primary, "server_variable"},
    ReadRule{Fact::ProxyVariable, Place::Primary, "server_variable"},
    ReadRule{Fact::ServerSchema, Place::Primary, "server_schema"},
    ReadRule{Fact::QualifiedFunction, Place::Primary, "qualified_function"},
    ReadRule{Fact::UnknownFunction, Place::Primary, "unknown_function"},
    ReadRule{Fact::LastResult, Place::LastUsed, "last_result"},
};

struct Verb {
  Keyword word;
  Place place;
  Kind kind;
  bool may_write;
  std::string_view rule;
  Heads::Read read_head = Heads::nothing;
  Pins pins = {};
  Pins unpins = {};
};

constexpr Verb read(Keyword word,
                    Kind kind,
                    std::string_view rule,
                    Heads::Read read_head = Heads::nothing) {
  return {word, Place::AnyReplica, kind, false, rule, read_head};
}
constexpr Verb primary(Keyword word,
                       Kind kind,
                       std::string_view rule,
                       Heads::Read read_head = Heads::nothing,
                       Pins pins = {},
                       Pins unpins = {}) {
  return {word, Place::Primary, kind, false, rule, read_head, pins, unpins};
}
constexpr Verb write(Keyword word,
                     Kind kind,
                     std::string_view rule,
                     Heads::Read read_head = Heads::nothing,
                     Pins pins = {}) {
  return {word, Place::Primary, kind, true, rule, read_head, pins};
}

// That many of these commit an open transaction first does not count as writing: the session knows
// whether one is open.
constexpr std::array kVerbs{
    read(Keyword::Select, Kind::Select, "select"),
    read(Keyword::With, Kind::Select, "select", Heads::with),
    read(Keyword::Table, Kind::OtherRead, "table"),
    read(Keyword::Values, Kind::OtherRead, "values"),
    read(Keyword::Explain, Kind::OtherRead, "explain", Heads::explain),
    read(Keyword::Describe, Kind::OtherRead, "explain", Heads::explain),
    read(Keyword::Desc, Kind::OtherRead, "explain", Heads::explain),
    primary(Keyword::Show, Kind::Show, "show_server_state", Heads::show),
    primary(Keyword::Help, Kind::Help, "help"),
    primary(Keyword::Checksum, Kind::OtherRead, "checksum_table"),
    primary(Keyword::Do, Kind::Do, "do"),
    Verb{Keyword::Get,
         Place::LastUsed,
         Kind::OtherRead,
         false,
         "get_diagnostics",
         Heads::nothing,
         Pin::UserVariable},

    write(Keyword::Insert, Kind::Write, "insert"),
    write(Keyword::Replace, Kind::Write, "replace"),
    write(Keyword::Update, Kind::Write, "update"),
    write(Keyword::Delete, Kind::Write, "delete"),
    write(Keyword::Load, Kind::LoadData, "load_data", Heads::load),
    write(Keyword::Call, Kind::Call, "call", Heads::nothing, Pin::Hidden),

    write(Keyword::Create, Kind::Ddl, "ddl", Heads::create),
    write(Keyword::Alter, Kind::Ddl, "ddl", Heads::alter),
    write(Keyword::Drop, Kind::Ddl, "ddl", Heads::drop),
    write(Keyword::Rename, Kind::Ddl, "ddl", Heads::rename),
    write(Keyword::Truncate, Kind::Ddl, "ddl"),
    write(Keyword::Import, Kind::Ddl, "ddl"),
    write(Keyword::Grant, Kind::Ddl, "account"),
    write(Keyword::Revoke, Kind::Ddl, "account"),
    write(Keyword::Analyze, Kind::Ddl, "table_maintenance"),
    write(Keyword::Optimize, Kind::Ddl, "table_maintenance"),
    write(Keyword::Check, Kind::Ddl, "table_maintenance"),
    write(Keyword::Repair, Kind::Ddl, "table_maintenance"),

    // BEGIN and START TRANSACTION release what LOCK TABLES has locked, but no global read lock.
    // https://dev.mysql.com/doc/refman/8.4/en/commit.html
    primary(Keyword::Begin, Kind::Begin, "begin", Heads::begin, {}, Pin::TableLock),
    write(Keyword::Start, Kind::Other, "administration", Heads::start),
    write(Keyword::Commit, Kind::Commit, "commit", Heads::commit),
    primary(Keyword::Rollback, Kind::Rollback, "rollback", Heads::rollback),
    primary(Keyword::Savepoint, Kind::Savepoint, "savepoint"),
    primary(Keyword::Release, Kind::Savepoint, "release_savepoint"),
    write(Keyword::Xa, Kind::Xa, "xa", Heads::xa),

    primary(Keyword::Set, Kind::Set, "set", Heads::set),
    primary(Keyword::Use, Kind::Use, "use"),
    primary(Keyword::Prepare, Kind::Prepare, "prepare", Heads::nothing, Pin::SqlPrepare),
    write(Keyword::Execute, Kind::Execute, "execute", Heads::nothing, Pin::Hidden),
    primary(Keyword::Deallocate, Kind::Deallocate, "deallocate"),

    primary(Keyword::Lock, Kind::LockTables, "lock_tables", Heads::lock, Pin::TableLock),
    primary(Keyword::Unlock,
            Kind::UnlockTables,
            "unlock_tables",
            Heads::unlock,
            {},
            Pins(Pin::TableLock) | Pin::GlobalReadLock),
    primary(Keyword::Handler, Kind::Handler, "handler", Heads::handler),
    write(Keyword::Flush, Kind::Flush, "flush", Heads::flush),

    // The number is a connection of the proxy.
    Verb{Keyword::Kill, Place::Proxy, Kind::Kill, false, "kill"},

    primary(Keyword::Signal, Kind::Other, "signal"),
    // Outside a handler it fails, and adds that to what the last statement has left.
    Verb{Keyword::Resignal, Place::LastUsed, Kind::Other, false, "resignal"},
    write(Keyword::Binlog, Kind::Other, "administration", Heads::nothing, Pin::Hidden),
    write(Keyword::Cache, Kind::Other, "administration"),
    write(Keyword::Change, Kind::Other, "administration"),
    write(Keyword::Clone, Kind::Other, "administration"),
    write(Keyword::Install, Kind::Other, "install"),
    write(Keyword::Uninstall, Kind::Other, "install"),
    write(Keyword::Purge, Kind::Other, "administration"),
    write(Keyword::Reset, Kind::Other, "administration"),
    write(Keyword::Restart, Kind::Other, "administration"),
    write(Keyword::Shutdown, Kind::Other, "administration"),
    write(Keyword::Stop, Kind::Other, "administration"),
};

// From a keyword to its row, or to the number of rows.
constexpr std::array<std::uint8_t, kKeywordCount> kVerbOf = [] {
  std::array<std::uint8_t, kKeywordCount> rows{};
  rows.fill(static_cast<std::uint8_t>(kVerbs.size()));
  for (std::size_t i = 0; i < kVerbs.size(); ++i) {
    rows[static_cast<std::size_t>(kVerbs[i].word)] = static_cast<std::uint8_t>(i);
  }
  return rows;
}();

const Verb* find_verb(Keyword word) {
  std::size_t row = kVerbOf[static_cast<std::size_t>(word)];
  return row < kVerbs.size() ? &kVerbs[row] : nullptr;
}

bool begins_query(Keyword word) {
  return word == Keyword::Select || word == Keyword::With || word == Keyword::Table ||
         word == Keyword::Values;
}

}  // namespace

void Recogniser::step() {
  observer_.see(cursor_.token());
  ++observed_;
  cursor_.advance();
}

void Recogniser::advance() {
  if (!cursor_.at_statement_end()) step();
}

void Recogniser::skip() {
  if (cursor_.at_statement_end()) return;
  cursor_.advance();
  observer_.forget();
}

bool Recogniser::accept(std::string_view word) {
  if (!is_word(cursor_.token(), word)) return false;
  advance();
  return true;
}

bool Recogniser::accept(char sign) {
  if (!cursor_.token().is(sign)) return false;
  advance();
  return true;
}

void Recogniser::read_rest() {
  while (!cursor_.at_statement_end()) step();
}

void Recogniser::decide(Place place, std::string_view rule) {
  statement_.place = place;
  statement_.rule = rule;
}

// SELECT RELEASE_ALL_LOCKS() [alias], and nothing that could keep it from being evaluated.
bool Recogniser::only_releases_locks() const {
  constexpr int kTokensOfCall = 4;  // verb, name and two parentheses
  const Facts& facts = observer_.facts();
  if (!facts.has(Fact::ReleasesAllLocks) || facts.has(Fact::TakesUserLock)) return false;
  return observed_ <= kTokensOfCall + 1;
}

void Recogniser::judge_pins() {
  const Facts& facts = observer_.facts();
  Kind kind = statement_.kind;
  // CALL p(@out) and LOAD DATA … (@column) assign without a sign that says so.
  bool may_assign =
      facts.has(Fact::ReadsUserVariable) && (kind == Kind::Call || kind == Kind::LoadData);
  if (facts.has(Fact::AssignsUserVariable) || may_assign) statement_.pins |= Pin::UserVariable;
  if (facts.has(Fact::TakesUserLock)) statement_.pins |= Pin::UserLock;
  if (only_releases_locks()) statement_.unpins |= Pin::UserLock;

  // In a write `t (a, b)` is a table with columns, and any trigger could do what a function can.
  bool evaluates = statement_.place == Place::AnyReplica || kind == Kind::Do || kind == Kind::Set;
  bool calls = facts.has(Fact::UnknownFunction) || facts.has(Fact::QualifiedFunction);
  if (evaluates && calls) {
    statement_.pins |= Pin::Hidden;
    statement_.may_write = true;
  }
}

void Recogniser::judge() {
  judge_pins();
  const Facts& facts = observer_.facts();
  statement_.asks_insert_id |= facts.has(Fact::LastInsertId);
  statement_.counts_all_rows = facts.has(Fact::CountsAllRows);
  statement_.asks_identity |= facts.has(Fact::ConnectionId) || facts.has(Fact::ClientUser) ||
                              facts.has(Fact::UserLock) || facts.has(Fact::ServerSchema);
  if (statement_.place != Place::AnyReplica || facts.none()) return;
  const bool may_ask_proxy = facts.has(Fact::ProxyVariable) || facts.has(Fact::ConnectionId);
  if (may_ask_proxy && parse_dorsal_query(sql_, mode_)) {
    statement_.kind = Kind::DorsalShow;
    return decide(Place::Proxy, "select_dorsal");
  }
  for (const ReadRule& row : kReadRules) {
    if (facts.has(row.fact)) return decide(row.place, row.rule);
  }
}

Statement Recogniser::recognise() {
  if (cursor_.at_statement_end()) {
    statement_.kind = Kind::Empty;
    statement_.may_write = false;
    statement_.rule = "empty";
    return statement_;
  }
  bool in_parentheses = cursor_.token().is('(');
  while (accept('(')) {
  }
  const Verb* verb = find_verb(cursor_.token().keyword);
  if (verb == nullptr || (in_parentheses && !begins_query(verb->word))) {
    Heads::unknown(*this);
    while (!cursor_.at_statement_end()) skip();
    return statement_;
  }
  statement_.kind = verb->kind;
  statement_.may_write = verb->may_write;
  statement_.pins = verb->pins;
  statement_.unpins = verb->unpins;
  decide(verb->place, verb->rule);
  advance();
  verb->read_head(*this);
  read_rest();
  judge();
  return statement_;
}

}  // namespace dorsal::sql
