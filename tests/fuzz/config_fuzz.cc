// Any text as the configuration file, and what a second look at the same text makes of it.
#include "app/config.h"
#include "app/config_keys.h"
#include "fuzz_input.h"

namespace dorsal::app {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::Input(data, size).rest());
  const Environment nothing = [](const std::string&) { return std::optional<std::string>(); };
  const std::string file = "/nowhere/dorsal.yaml";
  const auto config = parse_config(text, file, nothing, {});
  const auto again = parse_config(text, file, nothing, {});
  require(config.has_value() == again.has_value());
  if (!config) {
    // One line, which names the file: an operator must find the place.
    require(config.error().message.find(file) != std::string::npos);
    require(config.error().message == again.error().message);
    return 0;
  }
  require(changed_keys(*config, *again).empty());
  return 0;
}

}  // namespace dorsal::app
