// What a role's process made of the last signal of a kind: a file beside the role's lock, by which
// the command that sent the signal learns it.
//
//   run/<role>.reload    of SIGHUP, for `dorsal reload`
//   run/<role>.upgrade   of SIGUSR2, for `dorsal upgrade`
//
// Each is JSON: began_ns, is_refused, message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace dorsal::app {

struct Outcome {
  std::int64_t began_ns = 0;  // on the steady clock, which all processes of a machine share
  bool is_refused = false;
  std::string message;  // why it was refused; of a reload else, which keys have changed
};

std::string reload_file(const std::string& run_folder, const std::string& role);
std::string upgrade_file(const std::string& run_folder, const std::string& role);

std::int64_t steady_ns();  // now, as in Outcome::began_ns

Result<void> write_outcome(const std::string& file, const Outcome& outcome);

// Empty when there is none, or what is there is none.
std::optional<Outcome> read_outcome(const std::string& file);

}  // namespace dorsal::app
