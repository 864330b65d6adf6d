#include "core/cluster/peer.h"

#include <fmt/format.h>

#include <utility>

namespace dorsal::cluster {
namespace {

constexpr std::pair<Objection, std::string_view> kObjections[] = {
    {Objection::None, "none"},
    {Objection::OtherCluster, "other_cluster"},
    {Objection::KnowsNothing, "knows_nothing"},
    {Objection::NewerTerm, "newer_term"},
    {Objection::OtherPrimary, "other_primary"},
    {Objection::Election, "election"},
    {Objection::Promise, "promise"},
};

}  // namespace

std::string_view to_string(Objection objection) {
  for (const auto& [value, name] : kObjections) {
    if (value == objection) return name;
  }
  return "";
}

Result<Objection> parse_objection(std::string_view text) {
  for (const auto& [value, name] : kObjections) {
    if (name == text) return value;
  }
  return invalid(fmt::format("'{}' is no objection", text));
}

}  // namespace dorsal::cluster
