// A read-only transaction on a replica: what may run there, and how it can still go elsewhere.
//
// As long as it has touched nothing, the transaction is no more than the statements that began it,
// and these can be repeated on the primary. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/sql/statement.h"

namespace dorsal::routing {

// Of what a server's tracker for transactions says: whether its state (eight characters) tells of a
// table read or written or locked, and the statements that its characteristics stand for:
// "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION READ ONLY;"
bool tells_of_more_than_a_beginning(std::string_view state);
std::vector<std::string> statements_of(std::string_view characteristics);

class ReadOnlyTransaction {
 public:
  // A statement has run in it. `state` and `characteristics` are what the server's tracker for
  // transactions said with its reply, empty when it said nothing; see
  // session_track_transaction_info in the manual, "Server Tracking of Client Session State".
  void note(sql::Kind kind, std::string_view state, std::string_view characteristics);

  // It has read a table, has a savepoint, or something else that could not be repeated.
  bool has_touched_something() const { return has_touched_; }

  // The statements that begin it again.
  const std::vector<std::string>& beginning() const { return beginning_; }

 private:
  bool has_touched_ = false;
  std::vector<std::string> beginning_;
};

enum class InReadOnly {
  Stay,       // runs on the replica like the transaction
  ToPrimary,  // the transaction goes to the primary first
  EndFirst,   // ends the transaction, as it would on a server, and runs where it otherwise would
  Refuse,     // cannot run on the replica, and the transaction cannot leave it
};

// What to do with a statement of a session whose read-only transaction runs on a replica.
// `may_move`: nothing ties it to there.
InReadOnly judge_in_read_only(const sql::Statement& statement, bool may_move);

}  // namespace dorsal::routing
