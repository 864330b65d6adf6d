// What came of the last reload of a role's configuration: a file beside the role's lock, by which
// `dorsal reload` learns what the process that it signalled made of it.
//
//   run/<role>.reload   JSON: began_ns, is_refused, message
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace dorsal::app {

struct ReloadOutcome {
  std::int64_t began_ns = 0;  // on the steady clock, which all processes of a machine share
  bool is_refused = false;
  std::string message;  // why it was refused, or which keys have changed
};

std::string reload_file(const std::string& run_folder, const std::string& role);

Result<void> write_outcome(const std::string& file, const ReloadOutcome& outcome);

// Empty when there is none, or what is there is none.
std::optional<ReloadOutcome> read_outcome(const std::string& file);

}  // namespace dorsal::app
