// What the configuration means to the proxy: its options, with passwords and certificates loaded.
#pragma once

#include <string>
#include <vector>

#include "app/config.h"
#include "base/result.h"
#include "service/proxy/proxy.h"

namespace dorsal::app {

// Reads the files that the configuration names. Fails as they do, naming the file.
Result<proxy::Options> proxy_options(const Config& config);

// The files with certificates and keys that it reads; some may not exist.
std::vector<std::string> certificate_files(const Config& config);

}  // namespace dorsal::app
