#include "app/open_cluster.h"

#include <fmt/format.h>

#include <utility>

#include "app/commands.h"
#include "app/open_store.h"
#include "edge/io/clock.h"

namespace dorsal::app {
namespace {

constexpr int kMostTries = 20;

}  // namespace

OpenCluster::OpenCluster(Config config, Duration limit)
    : config_(std::move(config)), limit_(limit) {}

Result<std::unique_ptr<OpenCluster>> OpenCluster::open(const std::string& config,
                                                       const std::string& dir,
                                                       Duration limit) {
  auto environment = process_environment();
  const auto file = find_config_file(config, dir, environment);
  DORSAL_TRY(auto loaded, load_config(file, environment, {}));
  // Opening would make a store where there is none.
  if (!store_may_exist(loaded)) {
    return not_found(
        fmt::format("there is no cluster yet: {} does not exist; start one with "
                    "'dorsal up', or name another with --dir or --config",
                    loaded.cluster.store));
  }
  std::unique_ptr<OpenCluster> made(new OpenCluster(std::move(loaded), limit));
  DORSAL_TRY(made->store_, open_store(made->loop_, made->config_));
  made->records_.emplace(*made->store_);
  made->events_.emplace(*made->store_);
  made->lookout_.emplace(made->loop_, *made->records_, is_one_machine(made->config_));
  return made;
}

Result<coord::Snapshot> OpenCluster::load() { return run(records_->load(deadline())); }

Result<void> OpenCluster::change_leadership(const ChangeLeadership& change) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    DORSAL_TRY(const coord::Snapshot read, look());
    cluster::Leadership next = read.topology.leadership;
    DORSAL_TRY(const bool has_changed, change(read.topology, next));
    if (!has_changed) return {};
    auto written = run(records_->lead(std::move(next), read.leadership_revision, deadline()));
    if (written) return {};
    if (written.error().kind != ErrorKind::Conflict) return written.error();
  }
  return unavailable("the store changes too fast; try again");
}

void OpenCluster::note(std::string command, std::string what, cluster::Term term) {
  const auto recorded = record(std::move(command), std::move(what), term);
  if (recorded) return;
  fmt::print(stderr, "'dorsal events' will not tell of this: {}\n", recorded.error().message);
}

Result<void> OpenCluster::record(std::string command, std::string what, cluster::Term term) {
  cluster::Event event;
  event.at_ms = io::wall_ms();
  event.by = "operator";
  event.rule = std::move(command);
  event.what = std::move(what);
  event.term = term;
  return run(events_->append(std::move(event), deadline()));
}

void OpenCluster::wait_for_change(coord::Revision seen, Duration longest) {
  (void)run(records_->changed_since(seen, loop_.after(longest)));
}

}  // namespace dorsal::app
