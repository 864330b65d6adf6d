// The table of configuration keys: name, default, and how a text becomes the value.
//
// File, environment and command line all set values through this table, so they accept the same
// texts, and a key that is missing here exists nowhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"

namespace dorsal::app {

// What becomes of a changed value when a proxy that runs reads its configuration again.
enum class Change {
  Restart,    // it counts from the next start on, so the reload is refused
  AtOnce,     // it is taken up
  Elsewhere,  // it is no matter of the proxy's
};

struct ConfigKey {
  std::string name;          // "proxy.split_port"
  std::string default_text;  // set before anything else, relative to the folder of the file
  // Fails with the words that follow the key's name: "must be a port, 1 to 65535, not 'x'".
  Result<void> (*set)(Config& config, const std::string& text, const std::string& base_folder);
  Change change = Change::Restart;
};

const std::vector<ConfigKey>& config_keys();

// Sets the key's value, and notes its text and line. Fails as ConfigKey::set() does.
Result<void> set_key(const ConfigKey& key,
                     Config& config,
                     const std::string& text,
                     const std::string& base_folder,
                     int line = 0);

// The keys whose values were written differently.
std::vector<const ConfigKey*> changed_keys(const Config& before, const Config& after);

// Null when there is none of that name.
const ConfigKey* find_config_key(std::string_view name);

// The one key whose value is a map: options of the mysqld. Its environment variable and flag hold
// `name=value` words.
inline constexpr std::string_view kSettingsKey = "node.settings";

// "'proxy.split_prot' is no configuration key; did you mean 'proxy.split_port'?"
std::string unknown_key(std::string_view name);

// Sections are the parts before the dot: cluster, node, ….
bool is_config_section(std::string_view name);

}  // namespace dorsal::app
