// May this statement leave the primary, and what does it leave behind in its session?
//
//   Statement s = classify("SELECT 1 FROM t FOR\nUPDATE", mode);
//   s.place == Place::Primary, s.rule == "select_for_update"
//
// classify() never fails, depends on nothing but its arguments and, questions about Dorsal itself
// aside, allocates nothing. When it is unsure it answers Primary. It judges the text alone: a
// transaction, autocommit, pins and the default schema are the session's business (see
// is_system_schema()). A view may call a function that the text does not show; on a replica its
// writes fail, and its user locks mean nothing.
//
// The same call serves text queries and the text of COM_STMT_PREPARE.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/sql/consistency.h"
#include "core/sql/lexer.h"

namespace dorsal::sql {

enum class Place : std::uint8_t {
  AnyReplica,  // a replica that is fresh enough, or the primary
  Primary,
  LastUsed,  // the server that ran this session's previous statement
  Proxy,     // answered or carried out by the proxy itself
};

enum class Kind : std::uint8_t {
  Empty,      // white space and comments; a server answers error 1065
  Select,     // SELECT, also in parentheses or behind WITH
  Show,       // SHOW …
  OtherRead,  // TABLE, VALUES, DESCRIBE, EXPLAIN, CHECKSUM TABLE, GET DIAGNOSTICS
  Help,
  Do,
  Write,     // INSERT, REPLACE, UPDATE, DELETE, also behind WITH
  LoadData,  // LOAD DATA, LOAD XML; with LOCAL the server asks the client for a file
  Ddl,       // CREATE, ALTER, DROP, RENAME, TRUNCATE, accounts, table maintenance
  Call,

  Begin,                  // BEGIN, START TRANSACTION [READ WRITE]
  BeginReadOnly,          // START TRANSACTION READ ONLY
  BeginSnapshot,          // … WITH CONSISTENT SNAPSHOT
  BeginReadOnlySnapshot,  // both
  Commit,                 // also AND CHAIN; rule says when RELEASE ends the connection
  Rollback,               // the whole transaction; ROLLBACK TO is Savepoint
  Savepoint,              // SAVEPOINT, ROLLBACK TO, RELEASE SAVEPOINT
  Xa,

  Set,             // any SET but the next three; parse_set() tells what it assigns
  SetTransaction,  // for the next transaction only: SET TRANSACTION …, SET @@transaction_isolation
  DorsalSet,       // assigns dorsal_… or session_track_…, which the proxy keeps for itself
  Use,

  Prepare,  // the SQL statements, not the commands of the protocol
  Execute,
  Deallocate,

  LockTables,
  UnlockTables,
  LockInstance,
  UnlockInstance,
  Handler,
  Flush,

  Kill,
  DorsalShow,  // parse_dorsal_query() tells what it asks
  Several,     // more than one statement; Statement::several is set too
  Other,       // everything else, known or not
};

// What ties a session to its connection with the primary.
enum class Pin : std::uint8_t {
  TemporaryTable,
  UserLock,  // GET_LOCK
  TableLock,
  GlobalReadLock,   // FLUSH TABLES WITH READ LOCK
  BackupLock,       // LOCK INSTANCE FOR BACKUP
  SessionVariable,  // one that is not carried over to other connections
  Role,             // SET ROLE
  Xa,
  UserVariable,  // @x was assigned; statements that read @x go to the primary by themselves
  Handler,
  SqlPrepare,
  Hidden,  // ran statements that nobody here has seen: CALL, EXECUTE, a stored function
};
inline constexpr int kPinCount = 12;

std::string_view to_string(Pin pin);

class Pins {
 public:
  constexpr Pins() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): one pin is a set of pins
  constexpr Pins(Pin pin) : bits_(static_cast<std::uint16_t>(bit(pin))) {}

  constexpr bool has(Pin pin) const { return (bits_ & bit(pin)) != 0; }
  constexpr bool any() const { return bits_ != 0; }
  constexpr Pins operator|(Pins other) const { return Pins(bits_ | other.bits_); }
  constexpr Pins without(Pins other) const { return Pins(bits_ & ~other.bits_); }
  constexpr Pins& operator|=(Pins other) { return *this = *this | other; }
  constexpr bool operator==(const Pins&) const = default;

  // True when even a plain read of this session must stay with the primary: it may name a
  // temporary table, rely on a lock, or mean something else under a variable or role. The other
  // pins only forbid giving the connection to another session.
  constexpr bool hold_reads() const {
    return (bits_ & ~(bit(Pin::UserVariable) | bit(Pin::Handler) | bit(Pin::SqlPrepare) |
                      bit(Pin::Hidden))) != 0;
  }

 private:
  explicit constexpr Pins(unsigned bits) : bits_(static_cast<std::uint16_t>(bits)) {}
  static constexpr unsigned bit(Pin pin) { return 1U << static_cast<unsigned>(pin); }
  std::uint16_t bits_ = 0;
};

// Small and trivially copyable; the views point to static text.
struct Statement {
  Place place = Place::Primary;
  Kind kind = Kind::Other;
  bool several = false;  // more than one statement in the text; one trailing `;` does not count
  bool may_write =
      true;  // may commit something: after an error or a lost reply, the outcome is open
  bool could_leave = false;  // any replica could run it, but for a hint that asks for the primary
  bool asks_insert_id = false;   // names LAST_INSERT_ID()
  bool counts_all_rows = false;  // SQL_CALC_FOUND_ROWS
  bool asks_identity = false;    // parse_identity_query() may tell more
  bool misspelt_hint = false;    // a `dorsal:` comment with a word that means nothing; ignored

  // From a comment such as /* dorsal: primary */ or /* dorsal: replica, consistency=eventual */
  // before the statement or right after its first keyword. place already obeys `primary`; `replica`
  // is a wish about a statement that may leave, and changes nothing for others.
  std::optional<Place> forced;
  std::optional<Consistency> consistency;

  Pins pins;    // once it succeeded, or if its outcome is unknown
  Pins unpins;  // only once it succeeded; applied before pins

  std::string_view rule;  // the rule that decided: counter label, row in tests/golden/rules.txt
};

Statement classify(std::string_view sql, LexerMode mode);

// A schema whose tables differ from server to server: mysql, performance_schema, sys, and
// information_schema for parts of it. While one is the default schema, reads belong on the primary.
bool is_system_schema(std::string_view name);

std::string_view to_string(Place place);
std::string_view to_string(Kind kind);

}  // namespace dorsal::sql
