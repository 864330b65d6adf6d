// Decides what one node does next, from one snapshot of the store and of its own server.
//
// decide() is pure: it reads no clock, sends nothing, logs nothing. The agent calls it every tick
// and carries out the Step. Rules are tried in the order of the table in decide.cc and the first
// match wins: fencing stands before anything that could add a second writer. docs/failover.md is
// printed from that table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "core/cluster/server.h"
#include "core/cluster/topology.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::failover {

enum class Action {
  Keep,           // nothing to do now
  Fence,          // take no more writes: super_read_only, or SIGKILL if that does not succeed
  Renew,          // prolong the lease
  Lead,           // compare-and-swap the first term into an empty cluster
  UpdateMember,   // write Step::member
  Initialise,     // make a data folder
  StartOver,      // throw away a data folder that never held the cluster's data
  Start,          // start mysqld
  Clone,          // replace the data by that of Step::peer
  AcceptData,     // from now on the folder holds the cluster's data
  RequireAcks,    // semi-sync on, at the primary
  OpenForWrites,  // super_read_only off
  GiveAcks,       // semi-sync on, at a replica
  StopAcks,       // semi-sync off, at a replica
  StopReceiver,
  StartApplier,
  StopApplier,
  ChangeSource,      // to Step::peer
  StartReplication,  // receiver and applier
};

std::string_view to_string(Action action);

struct Policy {
  Duration lease_ttl = std::chrono::seconds(10);
  Duration lease_margin =
      std::chrono::seconds(1);  // fencing begins this long before the lease ends
  Duration renew_every = std::chrono::seconds(1);
  std::int64_t caught_up_lag_ms = 2000;     // a clone joins when it is no further behind
  std::int64_t lost_source_lag_ms = 10000;  // a replica without its source is well for this long
};

// What the agent runs beside the ticks; one at a time.
enum class Job { None, Initialise, StartOver, Clone };

struct Lease {
  TimePoint sent;  // of the newest renewal that succeeded, on the clock that runs through suspend
};

struct View {
  TimePoint now;  // on the same clock
  cluster::NodeName self;
  bool store_answers = false;  // else the topology is what it last said
  cluster::Topology topology;  // expired states turned Down
  cluster::Server server;      // looked at after the topology
  Job job = Job::None;
  std::optional<Lease> lease;              // empty: this process never held it
  std::optional<TimePoint> renewal_tried;  // when a renewal was last sent, successful or not
  std::vector<Action> resting;             // tried a moment ago; to be tried again later
  std::optional<std::int64_t> lag_ms;      // behind the primary; empty when it cannot be told
  std::optional<mysql::GtidSet> goal;      // what the primary had when this node began to follow
};

struct Step {
  Action action = Action::Keep;
  std::string_view rule;  // the rule that fired: log field, metric label, line in docs/failover.md
  std::string activity;   // what the node is doing, or what is wrong, in plain words; may be empty
  std::optional<cluster::Member> member;  // for UpdateMember
  std::optional<cluster::NodeName> peer;  // for Clone and ChangeSource
};

struct Rule {
  std::string_view name;
  std::string_view reason;  // one sentence for docs/failover.md
  std::optional<Step> (*match)(const View& view, const Policy& policy);
};

// Never fails; the last rule always matches.
Step decide(const View& view, const Policy& policy);

// What this node is for the others right now.
cluster::Role role_of(const View& view, const Policy& policy);

// True when it serves what its role promises.
bool is_healthy(const View& view, const Policy& policy);

// True while this node may take writes: it is the recorded primary and its lease has not run out.
bool holds_lease(const View& view, const Policy& policy);

// docs/failover.md, printed from the table.
std::string describe_rules();

}  // namespace dorsal::failover
