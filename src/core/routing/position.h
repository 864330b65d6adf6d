// How far replication has come, small enough to be compared at every read.
//
// A GTID set names transactions one by one. Replicas here commit in the source's order
// (replica_preserve_commit_order), and a source numbers its transactions in that order, so "has
// executed everything up to number n of source s" is one number a source. A SourceTable gives each
// source (a UUID, or UUID and tag) a small index; a Position is the newest number for each index.
//
// A set with a hole counts only up to the hole: that makes a replica look older than it is, which
// costs a wait and is never stale.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::routing {

// Sources that a process can tell apart before it stops splitting; a cluster gains one with each
// new server that ever was primary, and one for each tag in use. A server that is cloned anew is a
// new one.
inline constexpr std::size_t kMaxSources = 1024;

// Takes memory of its own only beyond a few sources: every session keeps one.
class Position {
 public:
  // The newest number of that source; 0: nothing of it.
  std::uint64_t of(std::size_t source) const {
    if (source < kFew) return few_[source];
    return source - kFew < more_.size() ? more_[source - kFew] : 0;
  }

  // Nothing is there of sources from this index on.
  std::size_t sources() const { return sources_; }

  void raise(std::size_t source, std::uint64_t number) {
    if (of(source) < number) put(source, number);
  }
  void raise(const Position& other) {
    for (std::size_t i = 0; i < other.sources_; ++i) raise(i, other.of(i));
  }
  void lower(std::size_t source, std::uint64_t number) {
    if (of(source) > number) put(source, number);
  }
  bool covers(const Position& other) const {
    for (std::size_t i = 0; i < other.sources_; ++i) {
      if (of(i) < other.of(i)) return false;
    }
    return true;
  }
  bool empty() const {
    for (std::size_t i = 0; i < sources_; ++i) {
      if (of(i) != 0) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kFew = 8;

  void put(std::size_t source, std::uint64_t number) {
    if (source >= sources_) sources_ = source + 1;
    if (source < kFew) {
      few_[source] = number;
      return;
    }
    if (more_.size() <= source - kFew) more_.resize(source - kFew + 1);
    more_[source - kFew] = number;
  }

  std::array<std::uint64_t, kFew> few_{};
  std::vector<std::uint64_t> more_;
  std::size_t sources_ = 0;
};

// Names of sources, by index. Only grows.
class SourceTable {
 public:
  // The index of a source as printed in a GTID set ("uuid" or "uuid:tag"), made at first sight;
  // empty when kMaxSources are taken.
  std::optional<std::size_t> index_of(std::string_view source);

  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::size_t, std::less<>> indexes_;
};

// What a server with this executed set certainly has: of each source, the run that begins at 1.
// Sources beyond the table's room are left out, which only understates.
Position executed_position(const mysql::GtidSet& executed, SourceTable& sources);

// What somebody who was told of these transactions must see: the newest of each source. Empty when
// a source found no room in the table: such a requirement cannot be compared, only the primary
// meets it.
std::optional<Position> required_position(const mysql::GtidSet& told, SourceTable& sources);

// The position as a GTID set, for WAIT_FOR_EXECUTED_GTID_SET: "uuid:1-7,uuid:tag:1-3".
std::string to_gtid_text(const Position& position, const std::vector<std::string>& names);

}  // namespace dorsal::routing
