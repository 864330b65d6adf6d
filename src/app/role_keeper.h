// Starts roles and starts them again when they end, ever more slowly.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/local_cluster.h"
#include "app/role.h"
#include "base/result.h"

namespace dorsal::app {

class RoleKeeper {
 public:
  using Say = std::function<void(const std::string&)>;

  RoleKeeper(LocalCluster cluster, std::vector<Role> roles, Say say);

  // Starts every role that does not run, and is not starting, unless it ended only a moment ago or
  // a `down` is at work or has been. Invalid, with the end of its log, when one ended `most_ends`
  // times in a row (0: never).
  Result<void> start_missing(int most_ends);

  // Wall clock at which this object started the role last; zero when it found it running.
  std::int64_t started_ms(const std::string& role) const;

 private:
  struct Kept {
    Role role;
    std::optional<ProcessHandle> process;  // as started here
    bool should_run = false;               // it was seen running, or was started here
    std::int64_t started_ms = 0;
    int ends = 0;  // in a row
    std::chrono::steady_clock::time_point next_start;
    std::chrono::steady_clock::time_point running_since;
  };

  Result<void> look_after(Kept& kept, int most_ends);
  Result<void> note_end(Kept& kept, int most_ends);
  Result<void> start(Kept& kept);

  LocalCluster cluster_;
  std::vector<Kept> kept_;
  Say say_;
};

}  // namespace dorsal::app
