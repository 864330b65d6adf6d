// The subcommands, one file each (command_<name>.cc). cli.cc fills their options in.
//
// Each prints what it has to say on standard output, progress on standard error, and returns the
// sentence to print when it failed.
#pragma once

#include <string>

#include "app/config.h"
#include "app/up_plan.h"
#include "base/result.h"

namespace dorsal::app {

Result<void> up(const UpOptions& options);

struct DownOptions {
  std::string dir = kDefaultDir;
  bool destroy = false;
  bool yes = false;
  bool json = false;
};
Result<void> down(const DownOptions& options);

// The roles run until they are told to end (SIGTERM, SIGINT).
struct RoleOptions {
  std::string config;  // empty: DORSAL_CONFIG
  Overrides overrides;
  bool takes_over = false;  // a proxy: the ports and clients-to-come of the one that runs
};
Result<void> node(const RoleOptions& options);
Result<void> proxy(const RoleOptions& options);
Result<void> admin(const RoleOptions& options);

// A running proxy reads its configuration and certificates again.
struct ReloadOptions {
  std::string dir;  // empty: as find_config_file() says
  std::string config;
  bool json = false;
};
Result<void> reload(const ReloadOptions& options);

// The running proxy of a cluster that `up` keeps is replaced by this very program; its clients stay
// until they leave.
struct UpgradeOptions {
  std::string dir = kDefaultDir;
  bool json = false;
};
Result<void> upgrade(const UpgradeOptions& options);

struct StatusOptions {
  std::string dir;  // empty: as find_config_file() says
  std::string config;
  bool watch = false;
  bool json = false;
};
Result<void> status(const StatusOptions& options);

struct VersionOptions {
  bool json = false;
};
Result<void> version(const VersionOptions& options);

// "dorsal 0.1.0 (1a2b3c4)"
std::string version_line();

// The configuration file of the cluster that a command is about: --config, --dir, DORSAL_CONFIG,
// ./dorsal-data, in this order.
std::string find_config_file(const std::string& config,
                             const std::string& dir,
                             const Environment& environment);

}  // namespace dorsal::app
