// Many nodes, one store, a network that fails, and clients that write; in virtual time, by seed.
//
// Each node's agent is failover::decide(), called as service/agent calls it; what the driver does
// with a Step is done here to the model. Every message takes time and may be lost; every process
// may die, freeze and come back between any two steps of its own.
//
// Invariants are checked after every event:
//   lost          a write that was acknowledged is on every server that is opened for writes later
//   late          who is told OK by a server of an old term is told the truth: the write is on the
//                 primary of the newest term
//   two leases    nobody opens for writes while another's lease runs, by that one's own reckoning
//   unprotected   no server takes a write that nobody acknowledges
// and at the end, with all faults over: somebody takes writes, they are acknowledged, and every
// node follows it with the same history, without strays.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "clock.h"
#include "core/failover/decide.h"
#include "random.h"
#include "server.h"

namespace dorsal::sim {

// What a world can do wrong, each against one of the rules that keep acknowledged writes. The tests
// switch them on one at a time and expect a violation.
struct Flaws {
  bool store_compares_nothing = false;
  bool relay_log_recovers = false;      // a restarted replica throws away what it had not applied
  bool semi_sync_times_out = false;     // after a second a commit is told OK without any ack
  bool fence_releases_waiters = false;  // as a clean shutdown does
  bool boots_writable = false;
  bool most_members_suffice = false;     // without the store: not all of them have to agree
  bool agreeing_delays_nothing = false;  // who agreed begins an election as if it had not
};

struct Plan {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  std::uint32_t acks = 1;
  Duration faults_for = std::chrono::seconds(40);
  Duration quiet_for = std::chrono::seconds(60);
  std::vector<failover::Rule> rules;  // empty: those that the agents go by
  Flaws flaws;
};

struct Outcome {
  std::string violation;  // empty: none
  std::vector<std::string> log;
  std::uint64_t acknowledged = 0;
  std::uint64_t elections = 0;
};

Outcome run(const Plan& plan);

}  // namespace dorsal::sim
