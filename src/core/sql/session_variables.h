// The session variables that a client has changed, and the SET that makes them hold elsewhere.
//
// A session says what it wants; a server connection says what holds on it. Both are
// SessionVariables, copies of one another most of the time, so that comparing them is comparing two
// pointers. A variable that is not in it has the value that it had when the connection was opened.
//
// Character sets are one group: setting one of them also changes others, and servers do not report
// all of it (see tracked.h), so when one differs all of them are set.
//
// A result's columns name a collation, not only a character set: that of the log-in or of a SET
// NAMES … COLLATE, else the character set's default one. No variable shows it and only SET NAMES
// sets it, so it is kept here as if it were a variable, kResultsCollation.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace dorsal::sql {

inline constexpr std::string_view kResultsCollation = "collation_results";

class SessionVariables {
 public:
  using Map = std::map<std::string, std::string, std::less<>>;

  // A value as the server's tracker reported it. Names that are not carried (see carry()) are
  // ignored, but for kResultsCollation. False: nothing new.
  bool note(std::string_view name, std::string_view value);
  void clear() { map_.reset(); }

  const std::string* find(std::string_view name) const;
  bool empty() const { return map_ == nullptr || map_->empty(); }
  const Map& map() const;

  // Constant time when one is a copy of the other.
  bool operator==(const SessionVariables& other) const;

 private:
  std::shared_ptr<const Map> map_;  // null: none
};

// What a connection begins with, as far as `SET x = DEFAULT` does not bring it back.
struct InitialVariables {
  std::string client;
  std::string connection;
  std::string results;  // empty: NULL
  std::string collation;
  bool ignores_space = false;   // CLIENT_IGNORE_SPACE adds to sql_mode
  bool is_interactive = false;  // CLIENT_INTERACTIVE makes interactive_timeout its wait_timeout
};

// The assignments, for a SET, that make `wanted` hold where `present` does; empty when they are
// equal.
std::string set_clauses(const SessionVariables& present,
                        const SessionVariables& wanted,
                        const InitialVariables& initial);

// The assignments, for a SET, of what a connection began with and COM_RESET_CONNECTION takes away;
// never empty.
std::string initial_clauses(const InitialVariables& initial);

}  // namespace dorsal::sql
