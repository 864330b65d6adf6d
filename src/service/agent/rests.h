// Which actions were tried a moment ago and are left alone for a while.
#pragma once

#include <map>
#include <vector>

#include "base/deadline.h"
#include "core/failover/decide.h"

namespace dorsal::agent {

class Rests {
 public:
  void rest(failover::Action action, TimePoint until) { until_[action] = until; }
  void wake(failover::Action action) { until_.erase(action); }

  std::vector<failover::Action> resting(TimePoint now) const {
    std::vector<failover::Action> actions;
    for (const auto& [action, until] : until_) {
      if (now < until) actions.push_back(action);
    }
    return actions;
  }

 private:
  std::map<failover::Action, TimePoint> until_;
};

}  // namespace dorsal::agent
