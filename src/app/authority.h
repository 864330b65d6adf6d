// The authority of a cluster on several machines: a folder that is kept where nobody but the
// operator reads it, and from which each machine gets its share.
//
//   DIR/ca.pem, ca-key.pem    the authority; the certificate says for which cluster
//   DIR/secrets/              the passwords that all nodes have in common
//   DIR/issued/<role>.pem     what has been issued, newest only: certificates without keys
//
//   BUNDLE/tls/ca.pem, <role>.pem, <role>-key.pem
//   BUNDLE/secrets/           what that role needs of them
//
// A bundle has the names that a configuration file beside it looks for. Folders have mode 0700,
// keys and secrets 0600. Nothing is overwritten unless that is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace dorsal::app {

// Makes the folder, and a cluster's UUID unless one is given; returns the UUID. Conflict when the
// folder is there and not empty.
Result<std::string> create_cluster_authority(const std::string& dir, const std::string& cluster);

struct BundleRequest {
  std::string dir;                     // the authority's
  std::string into;                    // where the bundle goes
  std::string role;                    // a node's name, or "proxy"
  std::vector<std::string> addresses;  // host names and IP addresses at which it is reached
  int days = 3650;
  bool may_replace = false;  // what was issued for it before
};

struct Issued {
  std::string role;
  std::string cluster;
  std::int64_t valid_until_s = 0;  // seconds since 1970
};

// NotFound when there is no authority; Conflict when that role has a certificate, or something else
// is where the bundle goes, and neither may be replaced; Invalid when a name is none.
Result<Issued> issue_bundle(const BundleRequest& request);

// Everything that was issued, by name; first the authority itself, under the name "ca".
Result<std::vector<Issued>> list_issued(const std::string& dir);

}  // namespace dorsal::app
