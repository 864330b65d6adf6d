// The session variables that a client has changed, and the SET that makes them hold elsewhere.
//
// A session says what it wants; a server connection says what holds on it. Both are
// SessionVariables, copies of one another most of the time, so that comparing them is comparing two
// pointers. A variable that is not in it has the value that it had when the connection was opened.
//
// Character sets are one group: setting one of them also changes others, and servers do not report
// all of it (see tracked.h), so when one differs all of them are set.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace dorsal::sql {

class SessionVariables {
 public:
  using Map = std::map<std::string, std::string, std::less<>>;

  // A value as the server's tracker reported it. Names that are not carried (see carry()) are
  // ignored. False: nothing new.
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
struct InitialCharset {
  std::string client;
  std::string connection;
  std::string results;  // empty: NULL
  std::string collation;
};

// The assignments, for a SET, that make `wanted` hold where `present` does; empty when they are
// equal.
std::string set_clauses(const SessionVariables& present,
                        const SessionVariables& wanted,
                        const InitialCharset& initial);

}  // namespace dorsal::sql
