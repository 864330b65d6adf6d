#include "app/topology_watcher.h"

#include <utility>

#include "base/log.h"
#include "core/cluster/silence.h"
#include "edge/io/clock.h"

namespace dorsal::app {
namespace {

constexpr Duration kLongestWait = std::chrono::milliseconds(500);
constexpr Duration kStoreLimit = std::chrono::seconds(2);

// Says when the store is lost and when it is back, not every time.
class StoreLog {
 public:
  void note(const Result<coord::Snapshot>& loaded) {
    if (!loaded && !is_lost_) log_warn("topology", "store=lost reason={}", loaded.error().message);
    if (loaded && is_lost_) log_info("topology", "store=back");
    is_lost_ = !loaded.has_value();
  }

 private:
  bool is_lost_ = false;
};

}  // namespace

io::Task<> watch_topology(io::Loop& loop,
                          coord::ClusterStore& store,
                          cluster::SharedTopology& shared) {
  StoreLog log;
  cluster::Silence silence;
  coord::Revision seen;
  while (!co_await io::cancelled()) {
    auto loaded = co_await store.load(loop.after(kStoreLimit));
    if (co_await io::cancelled()) co_return;
    log.note(loaded);
    if (!loaded) {
      (void)co_await loop.sleep_until(loop.after(kLongestWait));
      continue;
    }
    seen = loaded->newest;
    const TimePoint now = io::boot_now();
    silence.note(loaded->topology, now, io::wall_ms());
    shared.store(std::make_shared<const cluster::Topology>(
        silence.without_silent(std::move(loaded->topology), now)));
    // A failure, like silence, ends in another look.
    (void)co_await store.changed_since(seen, loop.after(kLongestWait));
  }
}

}  // namespace dorsal::app
