// Counts who is refused by the agent's API, and says so in the log without flooding it. Internal to
// this folder.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/counters.h"
#include "base/deadline.h"

namespace dorsal::agent {

class RefusalLog {
 public:
  static constexpr std::string_view kGone = "gone";  // left before anything could be said

  // The counters outlive it.
  RefusalLog(Counters& counters, std::string node) : counters_(counters), node_(std::move(node)) {}

  // The reason is one of a few words, and a label; the sentence is for people. Each reason has a
  // line at most once in ten seconds, which says how many came in between; kGone is only counted.
  void note(std::string_view reason,
            std::string_view sentence,
            std::string_view from,
            TimePoint now);

 private:
  struct Reason {
    Number* counted = nullptr;
    TimePoint said_at;
    std::uint64_t unsaid = 0;
  };

  Counters& counters_;
  const std::string node_;
  std::map<std::string, Reason, std::less<>> reasons_;
};

}  // namespace dorsal::agent
