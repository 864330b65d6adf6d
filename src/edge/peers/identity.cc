#include "edge/peers/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace dorsal::peers {
namespace {

constexpr std::string_view kScheme = "dorsal://";
constexpr std::string_view kNode = "/node/";
constexpr std::string_view kProxy = "/proxy";

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::optional<Identity> parse_uri(std::string_view uri) {
  uri.remove_prefix(kScheme.size());
  const auto slash = std::min(uri.find('/'), uri.size());
  std::string cluster(uri.substr(0, slash));
  const auto rest = uri.substr(slash);
  if (!is_word(cluster)) return std::nullopt;
  if (rest.empty()) return Identity::of_authority(std::move(cluster));
  if (rest == kProxy) return Identity::of_proxy(std::move(cluster));
  if (!rest.starts_with(kNode) || !is_word(rest.substr(kNode.size()))) return std::nullopt;
  return Identity::of_node(std::move(cluster), std::string(rest.substr(kNode.size())));
}

}  // namespace

std::string to_uri(const Identity& identity) {
  switch (identity.kind) {
    case Identity::Kind::Authority:
      return fmt::format("{}{}", kScheme, identity.cluster);
    case Identity::Kind::Node:
      return fmt::format("{}{}{}{}", kScheme, identity.cluster, kNode, identity.node);
    case Identity::Kind::Proxy:
      return fmt::format("{}{}{}", kScheme, identity.cluster, kProxy);
  }
  return {};
}

std::string to_string(const Identity& identity) {
  if (identity.kind == Identity::Kind::Node) return identity.node;
  return identity.kind == Identity::Kind::Proxy ? "a proxy" : "the authority";
}

Result<Identity> parse_identity(const std::vector<std::string>& uris) {
  const std::string* own = nullptr;
  for (const auto& uri : uris) {
    if (!uri.starts_with(kScheme)) continue;
    if (own != nullptr) return invalid("the certificate has more than one name of Dorsal's");
    own = &uri;
  }
  if (own == nullptr) return not_found("the certificate names no node of a Dorsal cluster");
  auto identity = parse_uri(*own);
  if (!identity) return invalid("the certificate has a name that Dorsal does not know");
  return *std::move(identity);
}

}  // namespace dorsal::peers
