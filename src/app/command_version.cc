#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "app/commands.h"

namespace dorsal::app {

std::string version_line() { return fmt::format("dorsal {} ({})", DORSAL_VERSION, DORSAL_COMMIT); }

Result<void> version(const VersionOptions& options) {
  if (options.json) {
    nlohmann::ordered_json json{{"version", DORSAL_VERSION}, {"commit", DORSAL_COMMIT}};
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{}\n", version_line());
  }
  return {};
}

}  // namespace dorsal::app
