// The coordination store of several machines: an etcd cluster, version 3.4 or newer, by its JSON
// gateway.
//
//   <prefix>         whose store it is: {"format":1,"cluster":"shop"}, written with the first key
//   <prefix>/<key>   the entries
//
// All reads are linearizable, all writes compare-and-swapped. Every request also compares the
// revision at which <prefix> itself was created, so a store that was emptied, or put back from
// a snapshot, while this process runs is refused from that moment on.
//
// Opening needs no etcd: each call connects as it must. What CoordStore says of errors holds, and
//   Timeout       of a write: it may have taken place, or may still do so: nothing that is read
//                 afterwards proves the contrary, until another write of that key has succeeded
//   Unavailable   nothing was written
//   Invalid       the store is not ours: it belongs to another cluster, holds other keys, or has
//                 a newer format; the sentence says which. No use in trying again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "edge/coord/coord_store.h"
#include "edge/coord/etcd_client.h"
#include "edge/coord/etcd_watch.h"
#include "edge/io/loop.h"

namespace dorsal::coord {

class EtcdStore : public CoordStore {
 public:
  static constexpr int kFormat = 1;

  // The address has a prefix. The loop outlives the store, and is not running when it is destroyed.
  EtcdStore(io::Loop& loop, EtcdOptions options);

  io::Task<Result<std::optional<Entry>>> get(std::string key, Deadline deadline) override;
  io::Task<Result<std::vector<Entry>>> list(std::string prefix, Deadline deadline) override;
  io::Task<Result<Revision>> put(std::string key,
                                 std::string value,
                                 Revision expected,
                                 Deadline deadline) override;
  io::Task<Result<void>> erase(std::string key, Revision expected, Deadline deadline) override;
  io::Task<Result<Revision>> changed_since(Revision seen, Deadline deadline) override;

 private:
  using Effect = EtcdClient::Effect;

  io::Task<Result<EtcdAnswer>> transact(std::string question, Effect effect, Deadline deadline);
  io::Task<Result<EtcdEntries>> read(EtcdRange range, Deadline deadline);
  io::Task<Result<std::uint64_t>> write(std::string key,
                                        std::string operation,
                                        Revision expected,
                                        Deadline deadline);
  io::Task<Result<void>> found(Deadline deadline);
  Result<void> learn(const EtcdEntries& marker);
  Result<void> explain(const EtcdAnswer& refused, const std::vector<std::string>& owners) const;
  std::string key_of(const std::string& key) const;
  Entry entry_of(EtcdEntry entry) const;
  std::string where() const;

  const EtcdOptions options_;
  const std::string marker_key_;
  const EtcdRange all_;
  std::uint64_t marker_ = 0;  // the revision at which the marker was created; 0: none was seen
  EtcdClient client_;
  EtcdWatch watch_;
};

}  // namespace dorsal::coord
