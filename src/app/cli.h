// The command line: which subcommand, with which options.
#pragma once

namespace dorsal::app {

// The exit status: 0, 1 when the command failed (its sentence stands on standard error), 2 for
// wrong usage.
int run(int argc, const char* const* argv);

}  // namespace dorsal::app
