// Whose certificate it is, as the cluster's authority writes it: a URI among the alternative names.
//
//   dorsal://<cluster's UUID>              the authority itself
//   dorsal://<cluster's UUID>/node/<name>  a node: its agent and its mysqld
//   dorsal://<cluster's UUID>/proxy        a proxy
//
// It is compared byte by byte and tells nothing about addresses, so a node may move.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dorsal::peers {

struct Identity {
  enum class Kind { Authority, Node, Proxy };

  std::string cluster;  // UUID
  Kind kind = Kind::Node;
  std::string node;  // its name; empty for the others

  static Identity of_authority(std::string cluster) {
    return {std::move(cluster), Kind::Authority, {}};
  }
  static Identity of_node(std::string cluster, std::string name) {
    return {std::move(cluster), Kind::Node, std::move(name)};
  }
  static Identity of_proxy(std::string cluster) { return {std::move(cluster), Kind::Proxy, {}}; }

  bool operator==(const Identity&) const = default;
};

std::string to_uri(const Identity& identity);

// "node2", "a proxy", "the authority"
std::string to_string(const Identity& identity);

// From the URIs of a certificate. NotFound when none is Dorsal's, as with a certificate of somebody
// else; Invalid when one is not as above, or when there are several.
Result<Identity> parse_identity(const std::vector<std::string>& uris);

}  // namespace dorsal::peers
