#include "service/proxy/prepared_texts.h"

#include <algorithm>

namespace dorsal::proxy {
namespace {

// No part can hold a zero byte that would make two texts look alike, but the text itself, which
// therefore stands last.
std::string key_of(const PreparedText& text) {
  std::string key = text.schema;
  for (const auto& [name, value] : text.variables.map()) {
    key.push_back('\0');
    key += name;
    key.push_back('=');
    key += value;
  }
  key.append(2, '\0');
  return key += text.sql;
}

}  // namespace

std::shared_ptr<const PreparedText> PreparedTexts::of(PreparedText text) {
  if (texts_.size() >= next_sweep_) {
    std::erase_if(texts_, [](const auto& entry) { return entry.second.expired(); });
    next_sweep_ = std::max<std::size_t>(64, 2 * texts_.size());
  }
  auto& known = texts_[key_of(text)];
  if (auto alive = known.lock()) return alive;
  auto made = std::make_shared<const PreparedText>(std::move(text));
  known = made;
  return made;
}

}  // namespace dorsal::proxy
