// Decides what one node does next, from one snapshot of the store and of its own server.
//
// decide() is pure: it reads no clock, sends nothing, logs nothing. The agent calls it every tick
// and carries out the Step. Rules are tried in the order of the table in decide.cc and the first
// match wins: fencing stands before anything that could add a second writer. docs/failover.md is
// printed from that table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "core/cluster/server.h"
#include "core/cluster/topology.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::failover {

enum class Action {
  Keep,               // nothing to do now
  Fence,              // take no more writes: super_read_only, or SIGKILL if that does not succeed
  Kill,               // SIGKILL for mysqld
  Renew,              // prolong the lease
  AskMembers,         // prolong it by the word of every other member, without the store
  Lead,               // compare-and-swap a new term: the first, or that of the election
  HandOver,           // tell the others that this primary takes no more writes
  Elect,              // compare-and-swap the beginning of an election
  ChangeSwitchover,   // compare-and-swap Step::switchover
  CloseForWrites,     // let open transactions end, for so long, then super_read_only
  Promise,            // write Step::promise
  Remember,           // keep Step::remembered in the node's folder
  UpdateMember,       // write Step::member
  ForgetMember,       // Step::peer is no member any more
  ChangeVotes,        // compare-and-swap Step::votes
  ChangeProtection,   // compare-and-swap Step::unprotected and Step::acks
  Initialise,         // make a data folder
  StartOver,          // throw away a data folder that never held the cluster's data
  SaveStrays,         // put Step::strays aside, for people
  DropData,           // throw away the cluster's data, to be cloned anew
  SetDataAside,       // the same with data that no server starts with, which is kept
  Start,              // start mysqld
  Restart,            // stop a replica's cleanly; the next step starts it anew, if it is to be
  Clone,              // replace the data by that of Step::peer
  AcceptData,         // from now on the folder holds the cluster's data
  RequireAcks,        // semi-sync on, at the primary, with so many as Step::acks
  StopRequiringAcks,  // semi-sync off, at a primary that is none any more
  OpenForWrites,      // super_read_only off
  GiveAcks,           // semi-sync on, at a replica
  StopAcks,           // semi-sync off, at a replica
  SyncRelayLog,       // each event is put on disk from now on, and all that came before is there
  StopSyncing,        // of events as they are received
  StartReceiver,
  StopReceiver,
  StartApplier,
  StopApplier,
  AwaitApplier,      // for a moment, until Step::awaited is applied
  ForgetSource,      // replica no more: source and relay log gone, semi-sync off at this side
  ChangeSource,      // to Step::peer
  StartReplication,  // receiver and applier
};

std::string_view to_string(Action action);

struct Policy {
  Duration hung_after =
      std::chrono::seconds(2);  // a primary's mysqld that answers nothing is killed
  // A server that dies of its data is started so often, which takes most of a minute.
  int most_failed_starts = 6;
  // The same for one beside whose data nothing could be written.
  Duration storage_patience = std::chrono::seconds(3);
  // And for one that lets no new connection in.
  Duration door_patience = std::chrono::seconds(4);
  Duration lease_ttl = std::chrono::milliseconds(2500);

  // Fencing begins this long before the lease ends.
  Duration lease_margin() const { return lease_ttl / 5; }
  Duration renew_every() const { return lease_ttl / 5; }

  // A switchover is given up when its candidate is not ready and close for this long.
  Duration switchover_patience = std::chrono::seconds(10);
  // How long everybody waits for what makes the candidate of a switchover the best.
  Duration candidate_patience = std::chrono::seconds(3);
  std::int64_t switchover_lag_ms = 1000;  // close enough

  // Mode Available: writes wait for acknowledgements that nobody gives for so long.
  Duration available_patience = std::chrono::seconds(10);

  // The same for a primary that is unprotected already.
  Duration unprotected_patience = std::chrono::seconds(2);

  // A replica whose applier has stopped with an error for so long is cloned anew.
  Duration broken_after = std::chrono::seconds(60);

  std::int64_t caught_up_lag_ms = 2000;     // a clone joins when it is no further behind
  std::int64_t lost_source_lag_ms = 10000;  // a replica without its source is well for this long
  // A voter that is further behind, where others acknowledge, acknowledges nothing until it has
  // received what it lacks or is close, since that takes a fraction of the time so.
  std::int64_t far_behind_ms = 10000;
  std::int64_t close_lag_ms = 500;
};

// What the agent runs beside the ticks; one at a time.
enum class Job {
  None,
  Initialise,
  StartOver,
  SaveStrays,
  DropData,
  SetDataAside,
  Clone,
  CloseForWrites,
};

struct Lease {
  TimePoint sent;  // of the newest renewal that succeeded, on the clock that runs through suspend
};

// From then on a primary takes no more writes.
TimePoint end_of(const Lease& lease, const Policy& policy);

struct View {
  TimePoint now;  // on the same clock
  cluster::NodeName self;
  bool store_answers = false;  // else the topology is what it last said
  cluster::Topology topology;  // expired states turned Down
  cluster::Server server;      // looked at after the topology
  Job job = Job::None;
  std::optional<Lease> lease;              // empty: this process never held it
  TimePoint renewal_seen;                  // when the lease was last seen to have been renewed
  std::optional<TimePoint> silent_since;   // the server; empty: it answers, or does not run
  int failed_starts = 0;                   // of the server, since the node was last well
  std::optional<TimePoint> storage_since;  // nothing could be written; empty: it can be
  std::optional<TimePoint> closed_since;   // no new connection got in; empty: they do
  bool renewal_failed = false;             // the newest attempt, and no member was asked since
  std::optional<TimePoint> renewal_tried;  // when a renewal was last sent, successful or not
  std::vector<Action> resting;             // tried a moment ago; to be tried again later
  std::optional<std::int64_t> lag_ms;      // behind the primary; empty when it cannot be told
  std::optional<mysql::GtidSet> goal;      // what the primary had when this node began to follow
  std::optional<mysql::GtidSet> settled;   // see the class; empty: all that it has
  bool can_ask_members = false;            // directly, see Action::AskMembers
  TimePoint phase_seen;  // when the election or switchover that is there, or none, was first seen
  std::optional<TimePoint> broken_since;          // see BrokenReplication
  std::optional<TimePoint> unacknowledged_since;  // commits wait, and none gets through
  // What this primary had when it was first seen to require as many acknowledgements as it does.
  std::optional<mysql::GtidSet> before_acks;
  std::int64_t restarted_ms = 0;  // the newest requests that were carried out, see cluster::Member
  std::int64_t rebuilt_ms = 0;
};

struct Step {
  Action action = Action::Keep;
  std::string_view rule;  // the rule that fired: log field, metric label, line in docs/failover.md
  std::string activity;   // what the node is doing, or what is wrong, in plain words; may be empty
  std::optional<cluster::Member> member;          // for UpdateMember
  std::optional<cluster::Votes> votes;            // for ChangeVotes: all, as they are to be
  std::optional<cluster::NodeName> peer;          // for Clone, ChangeSource and ForgetMember
  std::optional<cluster::Promise> promise;        // for Promise
  std::optional<cluster::Remembered> remembered;  // for Remember
  std::optional<mysql::GtidSet> strays;           // for SaveStrays
  std::optional<mysql::GtidSet> awaited;          // for AwaitApplier
  std::optional<cluster::Switchover> switchover;  // for ChangeSwitchover
  bool unprotected = false;                       // for ChangeProtection and ChangeVotes
  std::uint32_t acks = 0;                         // for ChangeProtection and RequireAcks
  Duration drain{};                               // for CloseForWrites
  std::int64_t asked_ms = 0;  // for Restart and DropData: the request that is carried out, or 0
  std::string reason;         // for HandOver and Elect
  std::optional<cluster::NodeName> candidate;  // for Elect: as in cluster::Election
  std::optional<std::string> barrier;          // for Elect: as in cluster::Election
  bool after_restore = false;                  // for Elect: as in cluster::Election
  std::optional<std::string> elected_with;  // for Lead: what this node promised, if it was elected
};

struct Rule {
  std::string_view name;
  std::string_view reason;  // one sentence for docs/failover.md
  std::optional<Step> (*match)(const View& view, const Policy& policy);
};

// The table, in its order.
std::span<const Rule> rule_table();

// Never fails; the last rule always matches.
Step decide(const View& view, const Policy& policy);

// By another table: tests break the rules one at a time. REQUIRES: one of its rules matches.
Step decide_by(std::span<const Rule> rules, const View& view, const Policy& policy);

// When the primary's lease runs out by its own clock too, unless this node sees it renewed before.
TimePoint seen_end_of_lease(const View& view, const Policy& policy);

// Whether the action compares and swaps the record of who leads, and that record as it is to be.
// REQUIRES: changes_leadership(step.action). wall_ms: now, for people to read.
bool changes_leadership(Action action);
cluster::Leadership leadership_after(const Step& step,
                                     const View& view,
                                     const Policy& policy,
                                     std::int64_t wall_ms);

// Whether what has changed in the store is worth a look at once. Renewals, positions and lags are
// not: they change all the time.
bool is_news(const cluster::Topology& before, const cluster::Topology& after);

// An election or a switchover has begun, gone on, or ended.
bool is_another_phase(const cluster::Leadership& before, const cluster::Leadership& after);

// What this node is for the others right now.
cluster::Role role_of(const View& view, const Policy& policy);

// As in cluster::NodeState: the candidate of a switchover has seen it, and says so.
std::int64_t ready_for_ms(const View& view);

// True when it serves what its role promises.
bool is_healthy(const View& view, const Policy& policy);

// True when it does, and is close behind the primary: what a server that dies as soon as it applies
// anything never gets to be, and one that dies of a client's statement is each time.
bool is_well(const View& view, const Policy& policy);

// True while this node may take writes: it is the recorded primary and its lease has not run out.
bool holds_lease(const View& view, const Policy& policy);

// docs/failover.md, printed from the table.
std::string describe_rules();

}  // namespace dorsal::failover
