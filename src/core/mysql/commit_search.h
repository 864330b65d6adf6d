// Looks through binary logs for who committed what: whoever was not told of a commit finds it, or
// finds that there was none.
//
//   dump   = (00 event | EOF | ERR)*             the packets that answer COM_BINLOG_DUMP_GTID
//   event  = timestamp<4> type<1> server_id<4> length<4> next_position<4> flags<2> body
//   GTID   = event of type 33: flags<1> uuid<16> number<8>, at the head of its transaction
//   query  = event of type 2: connection<4>, behind it: BEGIN, or the one statement of a DDL
//
// The number of the connection stands in the source's own binary log and, as it was received, in a
// replica's relay log; in its binary log a replica writes one of its own. It is unique only until
// the source is started anew, so a search must begin behind all that the connection had committed
// before. So only the log's own server tells of itself: its number stands in the format event (type
// 15) before its transactions, in a relay log behind the replica's own. What it has from another
// server, whose number the events keep, is not looked into, nor are transactions that are
// compressed (type 40) or have a tag (type 42): of such a one it cannot be told whose it is.
//
// Source: MySQL Internals, "Replication Protocol"; libs/mysql/binlog/event of the server.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/mysql/gtid_set.h"

namespace dorsal::mysql {

struct Commit {
  Uuid source;
  std::uint64_t number = 0;
  std::uint32_t connection = 0;

  auto operator<=>(const Commit&) const = default;
};

// Somebody's: this transaction, or without a source any.
struct UnsureCommit {
  std::optional<Uuid> source;
  std::uint64_t number = kLastGno;
};

class CommitReader {
 public:
  // So many bytes of an event tell all that is asked.
  static constexpr std::size_t kEnough = 64;

  // The next event of a log, cut to kEnough bytes. Gives the transaction that it makes known.
  std::optional<Commit> see(std::string_view event);

  // Of the last event, if it was of a transaction of which it cannot be told whose it is.
  const std::optional<UnsureCommit>& unsure() const { return unsure_; }

 private:
  std::optional<std::uint32_t> writer_;  // the server whose log it is
  // Of the transaction that begins, until it is told whose it is.
  std::optional<Uuid> source_;
  std::uint64_t number_ = 0;
  std::optional<UnsureCommit> unsure_;
};

// A commit that is looked for: the first that the connection made behind what was known.
struct LostCommit {
  Uuid source;
  std::uint32_t connection = 0;
  std::uint64_t after = 0;  // number of the newest transaction of the source that was known

  auto operator<=>(const LostCommit&) const = default;
};

class CommitSearch {
 public:
  struct Finding {
    std::optional<std::uint64_t> number;
    bool is_unsure = false;  // there was something that may have been it
  };

  explicit CommitSearch(const std::vector<LostCommit>& wanted);

  // The events of a dump one by one, each without the marker before it, cut to
  // CommitReader::kEnough.
  void see(std::string_view event);

  const std::map<LostCommit, Finding>& findings() const { return findings_; }

 private:
  CommitReader reader_;
  std::map<LostCommit, Finding> findings_;
};

// All that may have been it, and more.
GtidSet behind(const LostCommit& lost);

// The same by a list of who committed what. Whatever of `executed` may have been it and is not in
// the list makes a finding unsure; what is not in `executed` has not happened.
CommitSearch::Finding find_commit(const LostCommit& lost,
                                  const std::vector<Commit>& commits,
                                  const GtidSet& executed);

// What a server must not be asked for again: all of `executed` but what is behind `after` of each.
GtidSet without_unknown(GtidSet executed, const std::vector<LostCommit>& wanted);

// COM_BINLOG_DUMP_GTID for all that `known` does not contain; it ends with an EOF where the log
// ends at the moment. Empty when the set has tags.
std::optional<std::string> dump_beyond(const GtidSet& known);

}  // namespace dorsal::mysql
