// Knows when something in a range of etcd's keys has changed.
//
// One stream from one member tells of changes as they happen; when it ends it goes on at the next
// member from the revision after the last one told of, so nothing is missed between them. Where
// etcd has forgotten that revision (compaction), the watch begins anew at the present, and reports
// a change, because there may have been one.
//
// A stream that stays silent proves nothing: a member that is cut off goes on saying nothing. So
// while somebody waits and the stream is silent, the newest change is read about once a second, and
// a stream that does not tell of it is left.
#pragma once

#include <cstdint>
#include <optional>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/coord/etcd_client.h"
#include "edge/coord/etcd_messages.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"
#include "edge/io/scope.h"
#include "edge/io/task.h"

namespace dorsal::coord {

class EtcdWatch {
 public:
  // The loop and the client outlive it. Nobody may be waiting when it is destroyed, and not inside
  // the loop.
  EtcdWatch(io::Loop& loop, EtcdClient& client, EtcdRange range);

  // As CoordStore::changed_since().
  io::Task<Result<std::uint64_t>> changed_since(std::uint64_t seen, Deadline deadline);

 private:
  struct Newest {
    std::uint64_t changed = 0;   // of the key changed last
    std::uint64_t count = 0;     // of keys
    std::uint64_t revision = 0;  // of the moment of looking
    bool operator==(const Newest& other) const {
      return changed == other.changed && count == other.count;
    }
  };

  io::Task<> watch_for_ever();
  io::Task<Result<void>> watch_one_stream();
  io::Task<Result<void>> follow(HttpStream& stream);
  Result<void> take(const EtcdWatchAnswer& answer);
  io::Task<Result<void>> check_silence();
  io::Task<Result<Newest>> look(Deadline deadline);
  io::Task<Result<void>> begin_anew(std::string reason);
  void report(std::uint64_t changed);

  io::Loop& loop_;
  EtcdClient& client_;
  const EtcdRange range_;
  bool has_begun_ = false;
  std::uint64_t began_ = 0;       // nothing is known of changes up to here
  std::uint64_t told_ = 0;        // all changes after began_ and up to here were told
  std::uint64_t newest_ = 0;      // of the changes told
  std::uint64_t compacted_ = 0;   // not 0: told_ lies before this revision, which is too early
  std::optional<Newest> looked_;  // at the end of the silence before, with told_ as it was then
  std::uint64_t told_then_ = 0;
  std::size_t attempt_ = 0;
  bool was_heard_ = false;  // since the last notice of a stream that was lost
  int waiters_ = 0;
  io::Event changed_;
  io::Scope scope_;
};

}  // namespace dorsal::coord
