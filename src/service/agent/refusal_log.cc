#include "service/agent/refusal_log.h"

#include <fmt/format.h>

#include "base/log.h"

namespace dorsal::agent {
namespace {

constexpr auto kBetweenLines = std::chrono::seconds(10);

}  // namespace

void RefusalLog::note(std::string_view reason,
                      std::string_view sentence,
                      std::string_view from,
                      TimePoint now) {
  auto [found, is_first] = reasons_.try_emplace(std::string(reason));
  Reason& known = found->second;
  if (is_first) {
    known.counted = &counters_.counter("dorsal_agent_api_refused_total",
                                       "Connections and requests that the agent's API refused.",
                                       {{"node", node_}, {"reason", std::string(reason)}});
  }
  known.counted->add();
  // Whoever looks whether the port is open leaves at once; that is no event.
  if (reason == kGone) return;
  if (!is_first && now - known.said_at < kBetweenLines) {
    ++known.unsaid;
    return;
  }
  const auto more = known.unsaid == 0 ? std::string() : fmt::format(" (and {} more)", known.unsaid);
  log_warn("agent", "api=refused from={} reason={}: {}{}", from, reason, sentence, more);
  known.said_at = now;
  known.unsaid = 0;
}

}  // namespace dorsal::agent
