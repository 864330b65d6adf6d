// Adds up what the assignments of one SET mean for its session and for the proxy.
#pragma once

#include <string_view>

#include "core/sql/set_reader.h"
#include "core/sql/statement.h"

namespace dorsal::sql {

class SetSummary {
 public:
  void add(const SetItem& item);
  void add_unreadable() { unreadable_ = true; }

  void apply(Statement& statement) const;

 private:
  void add_session(const SetItem& item);
  bool only_next_transaction() const;
  std::string_view rule() const;

  bool own_ = false;      // dorsal_…
  bool tracker_ = false;  // session_track_…
  bool unreadable_ = false;
  bool unknown_ = false;
  bool character_set_ = false;  // takes the collation of the default schema, and reports none
  bool global_ = false;
  bool user_ = false;
  bool next_transaction_ = false;
  bool plain_ = false;
  bool insert_id_ = false;
  std::string_view other_;  // name of the one with scope Other
};

}  // namespace dorsal::sql
