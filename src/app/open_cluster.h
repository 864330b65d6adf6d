// A cluster's records, for commands that look at them or change them; everything blocks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/config.h"
#include "app/lookout.h"
#include "base/deadline.h"
#include "base/result.h"
#include "edge/coord/cluster_store.h"
#include "edge/coord/event_store.h"
#include "edge/io/loop.h"
#include "edge/io/scope.h"

namespace dorsal::app {

class OpenCluster {
 public:
  // The cluster that --config, --dir or DORSAL_CONFIG names (find_config_file()). Each call to its
  // store may take as long as `limit`. NotFound, with what to do, when there is none yet.
  static Result<std::unique_ptr<OpenCluster>> open(const std::string& config,
                                                   const std::string& dir,
                                                   Duration limit);

  const Config& config() const { return config_; }
  io::Loop& loop() { return loop_; }

  // As the store says it: the last words of agents that are silent are still there.
  Result<coord::Snapshot> load();

  // With those turned Down, see Lookout.
  Result<coord::Snapshot> look() { return lookout_->look(limit_); }

  // Changes the record of who leads, and again if somebody else, who renews the lease say, was
  // first. The function is given how things are, see look(), and the record to change; false: there
  // is nothing to change.
  using ChangeLeadership =
      std::function<Result<bool>(const cluster::Topology& now, cluster::Leadership& next)>;
  Result<void> change_leadership(const ChangeLeadership& change);

  // Returns when the store has changed, or when it is over.
  void wait_for_change(coord::Revision seen, Duration longest);

  // For everything else: run(records().pause(…, deadline())).
  coord::ClusterStore& records() { return *records_; }
  coord::EventStore& events() { return *events_; }

  // What an operator has done, for the audit trail. A failure is told, and is not worth one of the
  // command's.
  void note(std::string command, std::string what, cluster::Term term);

  // What is not to be done without being recorded.
  Result<void> record(std::string command, std::string what, cluster::Term term);

  Deadline deadline() { return loop_.after(limit_); }
  template <class T>
  T run(io::Task<T> task) {
    return io::block_on(loop_, std::move(task));
  }

 private:
  OpenCluster(Config config, Duration limit);

  const Config config_;
  const Duration limit_;
  io::Loop loop_;
  std::unique_ptr<coord::CoordStore> store_;
  std::optional<coord::ClusterStore> records_;
  std::optional<coord::EventStore> events_;
  std::optional<Lookout> lookout_;
};

}  // namespace dorsal::app
