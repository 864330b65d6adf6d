// Tells the operator's own programs of each change of this node's role. Internal to this folder.
//
// Nothing waits for them: changes are told one after the other, in order, and a program or a web
// server that does not come to an end is left after a while. What they answer changes nothing.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "base/deadline.h"
#include "core/cluster/topology.h"
#include "edge/coord/http_transfers.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"
#include "edge/io/url.h"

namespace dorsal::agent {

struct RoleChange {
  std::string cluster;  // its name
  cluster::NodeName node;
  cluster::Role before = cluster::Role::Down;
  cluster::Role role = cluster::Role::Down;
  cluster::NodeName primary;  // the cluster's; empty: none
  cluster::Term term;
  std::string rule;        // of docs/failover.md
  std::string why;         // for people to read
  std::int64_t at_ms = 0;  // wall clock
};

// What a program finds in its environment, as "DORSAL_ROLE=primary".
std::vector<std::string> hook_environment(const RoleChange& change);
// What a web server is sent.
std::string hook_json(const RoleChange& change);

struct HookOptions {
  std::string program;             // a path; empty: none
  std::optional<io::Url> webhook;  // gets a POST
};

class Hooks {
 public:
  // The loop and the counters outlive it.
  Hooks(io::Loop& loop, HookOptions options, Counters& counters, Counters::Labels labels);
  ~Hooks();  // not inside the loop

  void note(RoleChange change);

  // Ends when cancelled.
  io::Task<> run_for_ever();
  // When run_for_ever() has ended: tells of what is left.
  io::Task<> finish(Deadline deadline);

 private:
  io::Task<> tell(Deadline deadline);
  io::Task<std::string> run_program(const RoleChange& change, Deadline deadline);
  io::Task<std::string> post(const RoleChange& change, Deadline deadline);
  void done(const RoleChange& change, std::string_view kind, const std::string& failure);

  io::Loop& loop_;
  const HookOptions options_;
  Counters& counters_;
  const Counters::Labels labels_;
  std::unique_ptr<coord::HttpTransfers> transfers_;
  io::Event news_;
  std::deque<RoleChange> untold_;
};

}  // namespace dorsal::agent
