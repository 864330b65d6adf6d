// What becomes of a session variable when the session uses a second connection.
//
//   carried   the server reports a change (session_track_system_variables) and the proxy sets the
//             same value on every other connection of the session
//   guarded   the proxy's own settings of the tracker; a report means that somebody changed them
//   pins      everything else, also every name that is not in the table: the session then stays on
//             the connection where the variable was set
//
// The names are those of MySQL 8.0 to 9.7. A server that does not know a name of the list only
// warns (1231), but refuses a list that has a name twice (3026).
//
// What the tracker leaves out, as tried on 9.7: SET NAMES, also with COLLATE, and SET
// character_set_connection report no collation_connection. So a report of character_set_connection
// makes any remembered collation_connection void, unless the same reply reports it too; the
// collation is then the default one, or what parse_names() finds in the statement. Emptying
// session_track_system_variables is reported as a change of state only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dorsal::sql {

enum class Carry : std::uint8_t { Carried, Guarded, Pins };

// Names in any case of letters.
Carry carry(std::string_view variable);
inline bool is_tracked(std::string_view variable) { return carry(variable) == Carry::Carried; }
inline bool is_guarded(std::string_view variable) { return carry(variable) == Carry::Guarded; }

// The variable that holds that list at a server.
inline constexpr std::string_view kTrackerList = "session_track_system_variables";

// The carried and guarded names, separated by commas, for session_track_system_variables. Set
// them in this order: character_set_connection, for one, also changes collation_connection.
std::string_view tracked_variables();

// Where a carried variable stands in tracked_variables(); a large number for other names.
int carry_order(std::string_view variable);

// "name=value" for a SET, from what the tracker reported: numbers stay bare, texts are quoted so
// that they survive NO_BACKSLASH_ESCAPES too, and nothing but sql_mode can be the empty text: for
// the others an empty report means NULL.
std::string set_clause(std::string_view variable, std::string_view reported_value);

}  // namespace dorsal::sql
