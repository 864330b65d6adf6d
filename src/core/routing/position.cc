#include "core/routing/position.h"

#include <fmt/format.h>

#include <algorithm>

namespace dorsal::routing {
namespace {

std::string source_name(const mysql::GtidSource& source) {
  auto uuid = mysql::to_string(source.uuid);
  return source.tag.empty() ? uuid : fmt::format("{}:{}", uuid, source.tag);
}

}  // namespace

std::optional<std::size_t> SourceTable::index_of(std::string_view source) {
  auto found = std::find(names_.begin(), names_.end(), source);
  if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
  if (names_.size() == kMaxSources) return std::nullopt;
  names_.emplace_back(source);
  return names_.size() - 1;
}

Position executed_position(const mysql::GtidSet& executed, SourceTable& sources) {
  Position position;
  for (const auto& member : executed.members()) {
    const auto& run = member.intervals.front();
    if (run.first != mysql::kFirstGno) continue;
    auto index = sources.index_of(source_name(member.source));
    if (index) position.raise(*index, run.last);
  }
  return position;
}

std::optional<Position> required_position(const mysql::GtidSet& told, SourceTable& sources) {
  Position position;
  for (const auto& member : told.members()) {
    auto index = sources.index_of(source_name(member.source));
    if (!index) return std::nullopt;
    position.raise(*index, member.intervals.back().last);
  }
  return position;
}

std::string to_gtid_text(const Position& position, const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < position.sources; ++i) {
    if (position.newest[i] == 0) continue;
    if (!text.empty()) text += ',';
    text += fmt::format("{}:1-{}", names[i], position.newest[i]);
  }
  return text;
}

}  // namespace dorsal::routing
