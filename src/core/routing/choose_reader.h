// Which replica serves a read.
//
// A replica that needs no wait goes before one that does, one in the proxy's own zone before the
// others. Among those that are left two are drawn by their weights, and the one with less to do
// wins ("the power of two choices": M. Mitzenmacher, IEEE Transactions on Parallel and Distributed
// Systems 12, 2001), so that no crowd follows the newest measurement. A replica that answers
// several times slower than the fastest counts as busier, and so is eased out; as its measurements
// age (see Latency) it is tried again, and eased in. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace dorsal::routing {

// One replica as a reader candidate.
struct Candidate {
  bool usable = false;           // in the topology, healthy, reachable, and not too far behind
  bool covers = false;           // known to have executed all that the read must see
  bool worth_waiting = true;     // false while its waits keep timing out
  bool is_near = false;          // in the proxy's zone
  std::uint64_t known = 0;       // how far it is known to have come; for comparison only
  std::int64_t outstanding = 0;  // statements that this proxy has running on it
  std::int64_t latency_ns = 0;   // of its answers, lately; 0: unknown
  std::uint32_t weight = 100;    // 0: only when there is no other
};

struct Choice {
  std::size_t index = 0;  // into the candidates
  bool must_wait = false;
};

// `dice` is any number, another one each time. Of replicas that all need a wait, only those with
// about the best known position are drawn from (a few hundred transactions apart count as equal).
// Empty: none may serve the read.
std::optional<Choice> choose_reader(std::span<const Candidate> candidates, std::uint32_t dice);

// How much slower than the fastest it answers, as statements that it would seem to have running on
// top of its own: 0 up to twice as slow, 1 up to four times, 3 up to eight times, and so on.
std::int64_t slowness(std::int64_t latency_ns, std::int64_t fastest_ns);

}  // namespace dorsal::routing
