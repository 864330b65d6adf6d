#include "app/work_lock.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

namespace dorsal::app {
namespace {

constexpr auto kPatience = std::chrono::minutes(10);
constexpr auto kPause = std::chrono::milliseconds(50);

}  // namespace

Result<io::FileLock> lock_work(const LocalCluster& cluster,
                               const std::function<void(const std::string&)>& say) {
  DORSAL_TRY_VOID(io::make_directories(cluster.dir(), 0700));
  auto end = std::chrono::steady_clock::now() + kPatience;
  bool has_said = false;
  for (;;) {
    auto lock = io::FileLock::try_lock(cluster.work_lock());
    if (lock || lock.error().kind != ErrorKind::Conflict) return lock;
    if (std::chrono::steady_clock::now() >= end) {
      return timeout(fmt::format("another dorsal is still at work in {}: {}",
                                 cluster.dir(),
                                 lock.error().message));
    }
    if (!has_said) say(fmt::format("waiting: {}", lock.error().message));
    has_said = true;
    std::this_thread::sleep_for(kPause);
  }
}

Result<void> record_wish(const LocalCluster& cluster, Wish wish) {
  DORSAL_TRY_VOID(io::make_directories(cluster.run(), 0700));
  return io::write_file_atomically(cluster.wish(), wish == Wish::Up ? "up\n" : "down\n", 0600);
}

bool is_wished_down(const LocalCluster& cluster) {
  auto wish = io::read_file(cluster.wish());
  return !wish || *wish == "down\n";
}

}  // namespace dorsal::app
