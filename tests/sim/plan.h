// Many nodes, one store, a network that fails, and clients that write; in virtual time, by seed.
//
// Each node's agent is failover::decide(), called as service/agent calls it; what the driver does
// with a Step is done here to the model. Every message takes time and may be lost; every process
// may die, freeze and come back between any two steps of its own.
//
// Invariants are checked after every event, and in the end (see Invariant). Wall clocks that are
// wrong stay so to the end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "core/failover/decide.h"

namespace dorsal::sim {

enum class Invariant {
  // A write that was acknowledged is on every server that is opened for writes later, unless an
  // operator was told what a fail-over would lose and has asked for it.
  Lost,
  Late,         // who is told OK by a server of an old term is told the truth: the newest has it
  TwoLeases,    // nobody opens while another's lease runs, by that one's own reckoning
  Unprotected,  // no server takes a write that nobody acknowledges, before the store knows it
  GoesOn,       // in mode available a primary at work takes writes, whoever acknowledges them
  Applies,      // no applier waits for acknowledgements
  Healed,       // with all faults over one takes writes, and all follow it with the same history
  TakenOver,    // a whole cluster that loses its primary has another one soon
};

std::string_view to_string(Invariant invariant);

// What a world can do wrong, each against one of the rules that keep acknowledged writes. The tests
// switch them on one at a time and expect a violation.
struct Flaws {
  bool store_compares_nothing = false;
  bool relay_log_is_not_synced = false;  // a replica that loses power loses its end
  bool relay_log_recovers = false;       // a restarted replica throws away what it had not applied
  bool semi_sync_times_out = false;      // after a second a commit is told OK without any ack
  bool fence_releases_waiters = false;   // as a clean shutdown does
  bool boots_writable = false;
  bool read_only_is_believed_early = false;  // while it still waits for commits
  bool most_members_suffice = false;         // without the store: not all of them have to agree
  bool agreeing_delays_nothing = false;      // who agreed begins an election as if it had not
  bool unprotected_is_overlooked = false;    // by those who elect
  bool strays_are_judged_at_once = false;    // by a position of the primary that is older
  bool losses_are_not_told = false;          // to whoever forces a fail-over
  bool gone_is_guessed = false;              // of a silent node that is to be removed
  bool lease_by_wall_clock = false;          // and all that an agent measures
  bool lease_from_answer = false;            // counted from when the renewal's answer came
  bool server_outlives_agent = false;
  bool silence_by_wall_clock = false;  // whether an agent is silent is told by its stamps
  bool fewer_acks_at_once = false;     // suffice at a server, whatever it has been told
};

enum class Fault {
  Server,        // mysqld is killed
  Agent,         // is killed, and mysqld with it
  Hang,          // of mysqld
  Freeze,        // of an agent
  Host,          // both stand still
  CutOff,        // from everybody
  Mute,          // hears, and is not heard
  Deaf,          // is heard, and hears nothing
  Replication,   // is cut off from that alone
  Flap,          // is cut off again and again
  CutFromStore,  // alone
  CutFromOther,  // from another node
  Slow,          // the network of a node
  Disk,          // nothing can be written to it
  Applier,       // is stopped, or held up
  Strays,        // somebody writes past everything
  Purge,         // of binlogs
  Data,          // a folder is lost
  Store,         // is out of reach for some or all
  Clock,         // the wall's of a node jumps
  Power,         // of a node
  PowerOfAll,    // now and then, else of a node
  Switchover,    // people ask for these
  Failover,
  Restart,
  Pause,
  Removal,     // of a member, which is added again
  Protection,  // another mode, or another number of acknowledgements
};

struct Plan {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  std::uint32_t acks = 1;
  cluster::Mode mode = cluster::Mode::SemiSync;
  bool writes_may_be_lost = false;  // an operator forces fail-overs
  bool store_is_restored = false;   // to an older state, now and then
  bool protection_changes = false;  // an operator wants another one, now and then
  Duration faults_for = std::chrono::seconds(40);
  Duration quiet_for = std::chrono::seconds(75);
  std::vector<Fault> only;            // empty: all of them
  std::vector<failover::Rule> rules;  // empty: those that the agents go by
  Flaws flaws;
};

struct Violation {
  Invariant invariant = Invariant::Lost;
  std::string text;
};

struct Outcome {
  std::optional<Violation> violation;
  std::vector<std::string> log;
  std::uint64_t acknowledged = 0;
  std::uint64_t unprotected = 0;  // of these, told OK without any acknowledgement
  std::uint64_t given_up = 0;     // of these, lost with an operator's consent
  std::uint64_t elections = 0;
  Duration healing{};   // from the last fault until all was well
  Duration takeover{};  // from the last blow until another primary took writes
};

Outcome run(const Plan& plan);

}  // namespace dorsal::sim
