// Which mysqld a program is, and whether Dorsal can work with it.
#pragma once

#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::instance {

// From the line that `mysqld --version` prints, the version: "9.7.4". Invalid, in a sentence, when
// it is older than 8.0.26 (the first with today's names of the semi-sync plug-ins) or MariaDB's.
Result<std::string> parse_mysqld_version(std::string_view line);

// Runs the program to ask.
io::Task<Result<std::string>> ask_mysqld_version(io::Loop& loop,
                                                 std::string mysqld,
                                                 Deadline deadline);

}  // namespace dorsal::instance
