// For fuzz targets: drives a conversation with any bytes, cut anywhere, and checks that it ends.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "core/mysql/conversation.h"
#include "fuzz_input.h"

namespace dorsal::fuzz {

// The last Need, or the Error that it ended with. `answer` is called at every Ask. Between two
// reads a conversation has only a few things to do; more would be a loop.
template <class Conversation>
Result<mysql::Need> drive(Conversation& conversation,
                          std::string_view bytes,
                          std::uint8_t seed,
                          const std::function<void(Conversation&)>& answer) {
  using Kind = mysql::Need::Kind;
  constexpr int kMostSteps = 64;
  auto pieces = cut(bytes, seed);
  auto piece = pieces.begin();
  auto need = conversation.next("");
  for (int steps = 0; need && need->kind != Kind::Done; ++steps) {
    require(steps < kMostSteps);
    require((need->kind == Kind::Write) == !need->bytes.empty());
    if (need->kind == Kind::Ask) answer(conversation);
    if (need->kind == Kind::StartTls && seed % 2 == 0) (void)conversation.leftover();
    if (need->kind != Kind::Read) {
      need = conversation.next("");
      continue;
    }
    if (piece == pieces.end()) break;
    steps = 0;
    need = conversation.next(*piece++);
  }
  (void)conversation.leftover();
  return need;
}

}  // namespace dorsal::fuzz
