#include "core/routing/position.h"

#include <fmt/format.h>

namespace dorsal::routing {
namespace {

std::string source_name(const mysql::GtidSource& source) {
  auto uuid = mysql::to_string(source.uuid);
  return source.tag.empty() ? uuid : fmt::format("{}:{}", uuid, source.tag);
}

}  // namespace

std::optional<std::size_t> SourceTable::index_of(std::string_view source) {
  const auto found = indexes_.find(source);
  if (found != indexes_.end()) return found->second;
  const std::size_t index = names_.size();
  if (index == kMaxSources) return std::nullopt;
  names_.emplace_back(source);
  indexes_.emplace(source, index);
  return index;
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
  for (std::size_t i = 0; i < position.sources(); ++i) {
    if (position.of(i) == 0) continue;
    if (!text.empty()) text += ',';
    text += fmt::format("{}:1-{}", names[i], position.of(i));
  }
  return text;
}

}  // namespace dorsal::routing
