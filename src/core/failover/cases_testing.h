// Tables of views and the steps that they lead to, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/failover/decide.h"

namespace dorsal::failover {

struct Case {
  const char* claim;
  View (*view)();
  std::function<void(View&)> change;
  const char* expected;  // "rule -> action"
};

inline void expect_all(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    View view = each.view();
    each.change(view);
    const Step step = decide(view, Policy());
    EXPECT_EQ(std::string(step.rule) + " -> " + std::string(to_string(step.action)), each.expected)
        << each.claim << ": " << step.activity;
  }
}

inline void nothing(View&) {}

}  // namespace dorsal::failover
