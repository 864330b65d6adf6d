// Whether this machine can carry what `dorsal up` is about to start. Looks only.
#pragma once

#include "app/up_plan.h"
#include "base/result.h"

namespace dorsal::app {

// Fails, in a sentence that says what to do, on the first thing that is missing for the roles that
// do not run yet: a mysqld, disk, memory, a free port.
Result<void> check_machine(const UpPlan& plan, const Environment& environment);

// "128M" in bytes, as mysqld reads it. REQUIRES: a text that the configuration accepts.
std::uint64_t size_in_bytes(const std::string& text);

// The value of MemAvailable in the text of /proc/meminfo, in bytes; empty when it is not there.
std::optional<std::uint64_t> available_memory(const std::string& meminfo);

}  // namespace dorsal::app
