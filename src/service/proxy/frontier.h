// What clients of this process have been told, and how far each server is known to have come.
//
// Shared by all loops without locks on the way of a statement: numbers are atomics that only grow.
// "Told" is raised before a client gets the OK of its write, so that whoever reads afterwards, over
// any connection, finds it raised. "Executed" is only ever what a server itself has said.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/routing/position.h"

namespace dorsal::proxy {

// Servers that a process ever sees; an index is never given to another server.
inline constexpr std::size_t kMaxServers = 64;

class Frontier {
 public:
  // A GTID set that a client is about to be told of. Returns the position it asks of readers. Once
  // a set cannot be compared (no room for its source, or not a GTID set at all)
  // only_primary_will_do() is true for good.
  routing::Position tell(std::string_view gtids);

  // The same for what the primary itself said.
  void tell(const routing::Position& position);

  // Whether told() is all that clients were told. It is not when the process has just started,
  // since clients remember what another process told them, and not after lose_track(). Whoever
  // finds it so asks the primary: take losses(), ask, tell() the answer, found_track(losses).
  bool has_track() const { return found_.load(std::memory_order_acquire) == losses(); }
  std::uint64_t losses() const { return losses_.load(std::memory_order_acquire); }
  void lose_track() { losses_.fetch_add(1, std::memory_order_acq_rel); }
  void found_track(std::uint64_t losses);

  // What a reader of any client must see.
  routing::Position told() const;
  bool only_primary_will_do() const { return incomparable_.load(std::memory_order_acquire); }

  // A server says that it has executed this set, or at least this position. Of the set the
  // position is returned: whoever has read from the server meanwhile has seen no more than that.
  Result<routing::Position> executed(std::size_t server, std::string_view gtids);
  void executed(std::size_t server, const routing::Position& position);

  // The primary says that its position is `reached`, asked after told() was `told_before`. What was
  // told and is not there was lost in a fail-over, and nobody must wait for it any more. True: so
  // it was.
  bool repair(const routing::Position& told_before, const routing::Position& reached);

  // How often something was repaired, and what became of it: whoever keeps a position of its own
  // from before a repair lowers it to that.
  std::uint64_t repairs() const { return repairs_.load(std::memory_order_acquire); }
  void lower_to_repaired(routing::Position& position) const;

  // A server may have lost what it said before (it was rebuilt, say).
  void forget(std::size_t server);

  bool covers(std::size_t server, const routing::Position& position) const;

  // What all servers together are known to have executed.
  routing::Position furthest() const;

  // A single number to rank servers by: how much of what was told it has.
  std::uint64_t rank(std::size_t server) const;

  // As a GTID set.
  std::string text(const routing::Position& position) const;

  // The position of a GTID set, for comparison; empty when it cannot be compared.
  std::optional<routing::Position> position_of(std::string_view gtids);

 private:
  using Row = std::array<std::atomic<std::uint64_t>, routing::kMaxSources>;

  std::optional<routing::Position> fast_position(std::string_view gtids) const;
  std::optional<routing::Position> fast_executed(std::string_view gtids) const;

  struct KnownSource {
    std::string name;
    std::size_t index;
  };

  void remember(std::string_view gtids);
  const KnownSource* know(std::size_t index);

  mutable std::mutex mutex_;  // guards sources_ and known_
  routing::SourceTable sources_;
  std::deque<KnownSource> known_;  // stable addresses
  std::array<std::atomic<const KnownSource*>, routing::kMaxSources> known_by_index_{};
  std::atomic<std::size_t> source_count_{0};
  // Where the newest write came from, so that the next one from there needs no parsing of a set.
  std::atomic<const KnownSource*> newest_source_{nullptr};
  std::atomic<bool> incomparable_{false};
  std::atomic<std::uint64_t> losses_{1};  // times that the track was lost, the start included
  std::atomic<std::uint64_t> found_{0};   // the newest loss that has been made good
  std::atomic<std::uint64_t> repairs_{0};
  Row told_{};
  Row repaired_{};  // 0: never; else one more than what was left of that source
  std::array<Row, kMaxServers> executed_{};
};

}  // namespace dorsal::proxy
