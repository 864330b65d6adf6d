// One object for each text that is prepared now, so that its address tells texts apart.
//
// Of one loop.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "service/proxy/session_state.h"

namespace dorsal::proxy {

class PreparedTexts {
 public:
  // The object for this text, made when nobody has one.
  std::shared_ptr<const PreparedText> of(PreparedText text);

  std::size_t size() const { return texts_.size(); }

 private:
  std::unordered_map<std::string, std::weak_ptr<const PreparedText>> texts_;
  std::size_t next_sweep_ = 64;
};

}  // namespace dorsal::proxy
