// A mysqld as far as fail-over knows it: binlog, relay log, semi-synchronous replication.
//
// What is modelled, and where MySQL says so (Reference Manual, "Semisynchronous Replication" and
// "Startup Options Used with Replication"):
//   - a commit is in the binlog, on disk, before it waits for acknowledgements (AFTER_SYNC, and
//     sync_binlog=1); its engine commits, and its client hears of it, only behind that wait
//   - an acknowledgement means "in the relay log, on disk" (sync_relay_log=1), and covers all that
//     came before; what is received while the relay log is not synced goes with the power, unless
//     it was applied
//   - recovery commits all that is in the binlog, acknowledged or not: ghosts
//   - a restarted replica keeps its relay log (relay_log_recovery=OFF) and boots read-only, with
//     replication stopped and semi-sync off
//   - read-only can be switched on only when no commit waits
//   - a clean shutdown, and switching semi-sync off, answer OK to those that wait
//   - nobody can receive what its source has purged, or has not had in a binlog since it was cloned
//
// Time and network are the world's: it tells the server what arrives.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/cluster/server.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::sim {

using NodeId = std::size_t;
inline constexpr NodeId kNodes = 9;  // at most

// Whose transactions they are: a server's data folder, which is another one after a clone.
using Origin = std::size_t;

inline constexpr Origin kElsewhere = 900;  // a server that is none of these

struct Transaction {
  Origin origin = 0;
  std::uint64_t number = 0;

  auto operator<=>(const Transaction&) const = default;
};

std::string uuid_of(Origin origin);

class Server {
 public:
  explicit Server(NodeId self) : origin(self + 1) {}

  // ---- what survives a crash ----
  Origin origin;
  std::vector<Transaction> binlog;  // its own writes, and those it applied
  std::vector<Transaction> relay;   // received, in this order; applied up to `applied`
  std::size_t applied = 0;
  std::size_t purged = 0;  // of the binlog, from its beginning
  std::optional<NodeId> source;
  cluster::DataStage stage = cluster::DataStage::Member;
  mysql::GtidSet saved_strays;
  bool disk_is_broken = false;  // full, read-only or stalled
  // What the source's wall clock said when it last wrote its heartbeat.
  std::optional<std::int64_t> heartbeat_ms;

  // ---- what does not ----
  bool runs = false;
  bool answers = false;  // after its recovery
  bool hangs = false;
  bool lacks_purged = false;  // what its receiver asked for
  bool writable = false;
  bool closes = false;  // super_read_only waits for the commits under way
  bool source_semi_sync = false;
  std::uint32_t required_acks = 1;
  bool replica_semi_sync = false;
  bool syncs_relay_log = true;
  cluster::Receiver receiver = cluster::Receiver::Off;
  bool applier_runs = false;
  std::uint64_t life = 0;        // grows with every start
  std::uint64_t connection = 0;  // grows with every start of the receiver
  struct Waiting {
    Transaction transaction;
    std::uint64_t client = 0;
    std::size_t position = 0;  // in the binlog
  };
  std::deque<Waiting> waiting;                 // commits, in the order of the binlog
  std::map<NodeId, std::size_t> acknowledged;  // by replica: how much of the binlog
  std::uint64_t let_through = 0;               // commits that were acknowledged

  void start();
  void crash();

  bool has(Transaction transaction) const { return in_binlog_.contains(transaction); }
  bool has_received(Transaction transaction) const {
    return in_binlog_.contains(transaction) || in_relay_.contains(transaction);
  }

  // A client's write; empty when the server takes none. played_back: a transaction that once was
  // another server's, of a binlog that somebody plays back.
  std::optional<Transaction> write(std::uint64_t client,
                                   std::optional<Transaction> played_back = std::nullopt);
  // By somebody who does not care that it is read-only.
  void write_stray();
  // Clients whose commits are through now that the replica has the binlog up to there. `acks`: how
  // many replicas it takes.
  std::vector<Waiting> acknowledge(NodeId replica, std::size_t position, std::uint32_t acks);

  // All that wait are told OK, as at a clean shutdown, or when semi-sync is switched off.
  std::vector<Waiting> release_all();
  // As with relay_log_recovery=ON: what was received and not applied is gone.
  void recover_relay();
  // Of what was received and not applied, so many are gone.
  void lose_newest_of_relay(std::size_t count);
  // Each transaction is on disk when it was received, and so is all that came before, or not.
  void sync_relay_log(bool wanted);
  // Transactions that go with the power, at most.
  std::size_t unsynced() const { return relay.size() - synced_; }

  void receive(Transaction transaction);
  void apply_next();
  void forget_relay();
  void lose_data();                        // the folder is gone
  void replace_data(const Server& donor);  // what the donor had committed; another UUID

  void purge();  // all but the commits that wait
  const mysql::GtidSet& purged_set() const { return purged_set_; }
  mysql::GtidSet in_flight() const;                               // the commits that wait
  const mysql::GtidSet& executed() const { return executed_; }    // without the commits that wait
  const mysql::GtidSet& retrieved() const { return retrieved_; }  // all that is in the relay log

 private:
  void log(Transaction transaction);
  void commit(Transaction transaction);

  std::set<Transaction> in_binlog_;
  std::set<Transaction> in_relay_;
  mysql::GtidSet executed_;
  mysql::GtidSet retrieved_;
  mysql::GtidSet purged_set_;
  std::size_t synced_ = 0;  // so much of the relay log is on disk
  std::uint64_t next_number_ = 1;
};

}  // namespace dorsal::sim
