// The cluster's status as JSON: from the admin service, or from the store when that is down.
#pragma once

#include <string>

#include "app/config.h"
#include "base/result.h"

namespace dorsal::app {

// What `GET /api/status` answers. Unavailable when nobody answers, or somebody else does.
Result<std::string> fetch_status(const Config& config);

// The same, made from what stands in the store. NotFound when there is no store; never makes one.
Result<std::string> status_from_store(const Config& config);

// fetch_status(), else status_from_store().
Result<std::string> read_status(const Config& config);

}  // namespace dorsal::app
