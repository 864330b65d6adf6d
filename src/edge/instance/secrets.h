// The accounts that Dorsal itself uses, and the files that hold their passwords.
//
//   DIR/secrets/<file>   one line, the password; mode 0600, or it is refused
//
// Every node of a cluster has the same secrets: accounts travel with the data when a node is
// cloned.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace dorsal::instance {

// Users, as MySQL knows them. Agents come over the unix socket alone; the others from anywhere.
inline constexpr const char* kAgentUser = "dorsal";
inline constexpr const char* kReplicationUser = "dorsal_replication";
inline constexpr const char* kCloneUser = "dorsal_clone";
inline constexpr const char* kMonitorUser = "dorsal_monitor";
inline constexpr const char* kAppUser = "app";

// Files in the secrets folder.
inline constexpr const char* kAgentSecret = "dorsal";
inline constexpr const char* kReplicationSecret = "replication";
inline constexpr const char* kCloneSecret = "clone";
inline constexpr const char* kMonitorSecret = "monitor";
inline constexpr const char* kAppSecret = "app";
inline constexpr const char* kRootSecret = "root";
inline constexpr const char* kSecretFiles[] =
    {kAgentSecret, kReplicationSecret, kCloneSecret, kMonitorSecret, kAppSecret, kRootSecret};

struct Secrets {
  std::string agent;
  std::string replication;
  std::string clone;
  std::string monitor;
  std::string app;
  std::string root;
};

// What CHANGE REPLICATION SOURCE takes at most, in bytes.
inline constexpr std::size_t kLongestPassword = 32;

// One password. Invalid, in a sentence, when the file is readable by others, empty, longer than so
// many bytes or not made of printable ASCII.
Result<std::string> load_secret(const std::string& secrets_dir,
                                const std::string& file,
                                std::size_t longest = kLongestPassword);

Result<Secrets> load_secrets(const std::string& secrets_dir);

}  // namespace dorsal::instance
