// The subcommands, one file each (command_<name>.cc). cli.cc fills their options in.
//
// Each prints what it has to say on standard output, progress on standard error, and returns the
// sentence to print when it failed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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
// A running proxy is followed by a new process: one of a cluster that `up` started by this program,
// one that a service manager keeps by the program that is where it was started from.
struct UpgradeOptions {
  std::string dir = kDefaultDir;
  std::string config;  // of a proxy that `up` has not started; empty: the one in dir
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

// Nothing is decided about the cluster without a person until it is resumed.
struct PauseOptions {
  std::string dir;  // empty: as find_config_file() says
  std::string config;
  std::string reason;
  bool json = false;
};
Result<void> pause(const PauseOptions& options);
Result<void> resume(const PauseOptions& options);

// How many replicas acknowledge each write, and what happens when too few can.
struct ProtectionOptions {
  std::string dir;  // empty: as find_config_file() says
  std::string config;
  std::string mode;                   // as in the configuration; empty: as it is
  std::optional<std::uint32_t> acks;  // empty: as they are
  bool json = false;
};
Result<void> protection(const ProtectionOptions& options);

// Another primary while the present one is at work.
struct SwitchoverOptions {
  std::string dir;  // empty: as find_config_file() says
  std::string config;
  std::string to;  // empty: the fittest
  std::string reason;
  std::int64_t drain_ms = 1000;  // for transactions that are open
  bool json = false;
};
Result<void> switchover(const SwitchoverOptions& options);

// Another primary though nothing happens by itself: the cluster is paused, or writes may be lost.
struct FailoverOptions {
  std::string dir;  // empty: as find_config_file() says
  std::string config;
  std::string to;  // empty: the one with the most
  std::string reason;
  bool may_lose_writes = false;
  bool json = false;
};
Result<void> failover(const FailoverOptions& options);

// What is asked of one node, and waited for.
struct MemberOptions {
  std::string dir;  // empty: as find_config_file() says
  std::string config;
  std::string node;
  bool json = false;
};
Result<void> rebuild(const MemberOptions& options);
Result<void> restart(const MemberOptions& options);

struct RemoveOptions : MemberOptions {
  bool is_gone = false;  // the operator's word, see check_removal()
};
Result<void> remove(const RemoveOptions& options);

// Every mysqld is started anew, one after the other, the primary last, after a switchover.
struct RollingRestartOptions {
  std::string dir;  // empty: as find_config_file() says
  std::string config;
  std::string reason;
  bool json = false;
};
Result<void> rolling_restart(const RollingRestartOptions& options);

// What was decided and asked for, the oldest first; a line each.
struct EventsOptions {
  std::string dir;  // empty: as find_config_file() says
  std::string config;
  int limit = 50;  // the newest so many
  bool follow = false;
  bool json = false;  // an object per line
};
Result<void> events(const EventsOptions& options);

// The authority of a cluster on several machines, and what it issues.
struct CertificatesOptions {
  enum class Action { Create, Issue, List };
  Action action = Action::List;
  std::string dir = "dorsal-authority";
  std::string cluster;  // create: its UUID; empty: a new one
  std::string role;     // issue: a node's name, or "proxy"
  std::vector<std::string> addresses;
  std::string into;  // empty: DIR/bundles/<role>
  int days = 3650;
  bool may_replace = false;
  bool json = false;
};
Result<void> certificates(const CertificatesOptions& options);

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
