// The parts of `@@session.sql_mode`.
#pragma once

#include <string_view>

namespace dorsal::sql {

struct SystemVariable {
  std::string_view scope;  // as written, without quotes; empty when there is none
  std::string_view name;   // as written, without quotes; may have a full stop in it
  bool is_session = true;  // no scope, SESSION or LOCAL
};

// Of the text of a SystemVariable token.
SystemVariable read_system_variable(std::string_view text);

// One that the proxy keeps for each session: dorsal_…, and session_track_…, since it uses the
// servers' trackers itself.
bool is_proxy_variable(const SystemVariable& variable);
bool is_dorsal_variable(std::string_view name);
bool is_session_tracker(std::string_view name);

}  // namespace dorsal::sql
