// mysqld's configuration file for a node.
//
// What Dorsal promises rests on some settings; those cannot be changed. All others have defaults
// fit for a small machine, and the user's own settings stand last, so they win.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "edge/io/endpoint.h"

namespace dorsal::instance {

using Settings = std::vector<std::pair<std::string, std::string>>;

struct MyCnf {
  std::string dir;  // the node's folder
  std::string socket_path;
  io::Endpoint address;
  std::uint32_t server_id = 0;
  std::uint32_t acks = 1;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::uint64_t buffer_pool_bytes = 0;
  bool run_as_root = false;  // mysqld refuses to, unless told
  Settings settings;
};

// Invalid, in a sentence that names the setting, when one is not the user's to decide or is no
// setting at all.
Result<void> check_settings(const Settings& settings);

std::string render_my_cnf(const MyCnf& config);

}  // namespace dorsal::instance
