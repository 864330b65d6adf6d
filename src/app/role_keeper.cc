#include "app/role_keeper.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/work_lock.h"
#include "edge/io/clock.h"

namespace dorsal::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kFirstPause = std::chrono::milliseconds(500);
constexpr auto kLongestPause = std::chrono::seconds(30);
// Who ran so long has not failed at its start.
constexpr auto kSoundRun = std::chrono::seconds(60);

Clock::duration pause_after(int ends) {
  Clock::duration pause = kFirstPause * (1 << std::min(ends - 1, 10));
  return std::min<Clock::duration>(pause, kLongestPause);
}

}  // namespace

RoleKeeper::RoleKeeper(LocalCluster cluster, std::vector<Role> roles, Say say)
    : cluster_(std::move(cluster)), say_(std::move(say)) {
  for (auto& role : roles) {
    Kept kept;
    kept.role = std::move(role);
    kept_.push_back(std::move(kept));
  }
}

Result<void> RoleKeeper::start_missing(int most_ends) {
  for (auto& kept : kept_) DORSAL_TRY_VOID(look_after(kept, most_ends));
  return {};
}

Result<void> RoleKeeper::look_after(Kept& kept, int most_ends) {
  auto now = Clock::now();
  if (running_pid(kept.role)) {
    if (now - kept.running_since > kSoundRun) kept.ends = 0;
    kept.should_run = true;
    return {};
  }
  // Started here and about to take its lock.
  if (kept.process && !kept.process->has_ended()) return {};
  if (kept.should_run) DORSAL_TRY_VOID(note_end(kept, most_ends));
  if (now < kept.next_start) return {};
  return start(kept);
}

Result<void> RoleKeeper::note_end(Kept& kept, int most_ends) {
  kept.process.reset();
  kept.should_run = false;
  ++kept.ends;
  kept.next_start = Clock::now() + pause_after(kept.ends);
  auto last_words = last_log_line(kept.role.log);
  if (most_ends > 0 && kept.ends >= most_ends) {
    return invalid(fmt::format("{} ends whenever it is started; {} ends with: {}",
                               kept.role.name,
                               kept.role.log,
                               last_words));
  }
  say_(fmt::format("{} ended and is started again; it said: {}", kept.role.name, last_words));
  return {};
}

Result<void> RoleKeeper::start(Kept& kept) {
  // Under the lock, so that a `down` never finds a role running that it has not seen.
  auto lock = io::FileLock::try_lock(cluster_.work_lock());
  if (!lock && lock.error().kind != ErrorKind::Conflict) return lock.error();
  if (!lock || is_wished_down(cluster_)) return {};
  kept.started_ms = io::wall_ms();
  DORSAL_TRY(auto pid, start_role(kept.role).in(kept.role.name));
  // There is none any more if it has ended already.
  kept.process = ProcessHandle::open(pid);
  kept.should_run = true;
  kept.running_since = Clock::now();
  return {};
}

std::int64_t RoleKeeper::started_ms(const std::string& role) const {
  for (const auto& kept : kept_) {
    if (kept.role.name == role) return kept.started_ms;
  }
  return 0;
}

}  // namespace dorsal::app
