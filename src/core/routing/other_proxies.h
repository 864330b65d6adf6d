// Whether this proxy can be the only one that has writes acknowledged by a server.
//
// Each proxy knows what it has told its own clients, and no other proxy's. So `global` reads may go
// by that alone only while nobody else can have told clients anything; else they ask the primary.
// Whoever writes to a server has a connection there that says whose it is, so a proxy looks at the
// server's list of connections again and again. Two rules make up for the time between two looks:
//
//   - A proxy that comes to a server where there are others sends no writes for kIntroduction,
//     which is longer than a look counts (kFresh).
//   - A proxy whose connections have all broken and that is back within kRemembered need not wait
//     again, if it had been there for kSettled before. So one that has been seen is believed to be
//     there for kQuiet more, and nobody is believed to be alone before he has looked for so long.
//
// A server that is lost counts as it was when it was lost, so that a proxy which was alone goes on
// to serve reads without it.
//
// Looks that are up to kGap apart see whoever is settled, and kQuiet is more than kRemembered, kGap
// and kFresh together. All times are of the steady clock.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/deadline.h"

namespace dorsal::routing {

// For one server; looked at by its monitor, asked by all threads.
class OtherProxies {
 public:
  static constexpr auto kFresh = std::chrono::milliseconds(700);
  static constexpr auto kIntroduction = std::chrono::milliseconds(800);
  static constexpr auto kGap = std::chrono::seconds(3);
  static constexpr auto kSettled = std::chrono::seconds(4);
  static constexpr auto kRemembered = std::chrono::seconds(10);
  static constexpr auto kQuiet = std::chrono::seconds(15);

  // A look that was sent at `sent` found nobody else. In the order in which looks were sent.
  void saw_none(TimePoint sent);

  // It found somebody, or could not tell.
  void saw_some();

  // The server cannot be looked at any more. Nobody was there until then, if so; whoever comes now
  // is seen on the other servers.
  void lost();

  // Nobody else can have had a write acknowledged there.
  bool are_excluded(TimePoint now) const;

 private:
  static constexpr std::int64_t kNever = INT64_MIN;
  static constexpr std::int64_t kForever = INT64_MAX;

  std::int64_t quiet_since_ns_ = kNever;  // only the monitor's
  std::int64_t looked_at_ns_ = kNever;
  std::atomic<std::int64_t> excluded_until_ns_{kNever};
};

// How long a monitor has been at a server, over breaks that others have not noticed.
class Introduction {
 public:
  void arrived(TimePoint now);
  void left(TimePoint now);  // without an arrived() before, nothing

  // How long to wait before writes may be sent, when others are there. Since the last arrived().
  Duration wait(TimePoint now) const;

 private:
  bool is_there_ = false;
  TimePoint since_{};
  bool is_known_ = false;  // to the others, from before
  TimePoint left_at_{};
  bool was_settled_ = false;
};

}  // namespace dorsal::routing
