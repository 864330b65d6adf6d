// Changes of folders that outlive a crash of the machine. Calls block; failures are Unavailable and
// name the path.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace dorsal::instance {

// A file's content, or a folder's list of names, is on disk when it returns.
Result<void> sync_path(const std::string& path);

// The same for each file of the folder whose name begins so.
Result<void> sync_files(const std::string& folder, std::string_view prefix);

// `dir` is the folder that both are in.
Result<void> rename_durably(const std::string& from, const std::string& to, const std::string& dir);

}  // namespace dorsal::instance
