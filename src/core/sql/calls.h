// What a word in front of an opening parenthesis stands for.
//
// A name that is in no list is a stored or loadable function: it may write, so its statement stays
// on the primary. The lists therefore hold only what a server from 8.0 on can take for nothing
// else.
#pragma once

#include <cstdint>
#include <string_view>

namespace dorsal::sql {

enum class Call : std::uint8_t {
  Unknown,
  Construct,      // a keyword: IN (…), VALUES (…), DECIMAL(10,2)
  Pure,           // a built-in function that gives the same answer on every server in step
  Tight,          // the same, but only without white space in between, or with IGNORE_SPACE
  TakesUserLock,  // GET_LOCK: user locks are known to one server
  UserLock,       // its like
  ReleasesAllLocks,
  LastInsertId,
  LastResult,  // FOUND_ROWS, ROW_COUNT: about this connection's previous statement
  OwnServer,   // numbers and files of one server
  ClientUser,  // USER, whose host to a client is its own; else as Pure
  TightClientUser,
  ConnectionId,  // the number that KILL takes, which to a client is the proxy's
  Position,      // waits for a replication position, which means this server
};

// In any case of letters.
Call find_call(std::string_view name);

}  // namespace dorsal::sql
