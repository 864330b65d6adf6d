// Makes the folder of a local cluster, or completes what a kill left half made.
//
// Every step is atomic and looks first whether its work is done, so it may be repeated at any time;
// nothing that is there is overwritten, and a user's edits survive.
#pragma once

#include "app/up_plan.h"
#include "base/result.h"

namespace dorsal::app {

// REQUIRES: the cluster's work_lock() is held, so its folder exists. Blocks, for a second when
// everything is new.
Result<void> prepare(const UpPlan& plan, const UpOptions& options);

// An option file for MySQL's clients, for the account `app`.
std::string client_options_text(const std::string& password,
                                const std::string& host,
                                std::uint16_t port);

}  // namespace dorsal::app
