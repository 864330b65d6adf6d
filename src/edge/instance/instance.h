// The local mysqld: the folder it works in, its process, and what can be done to it.
//
// One of the three edges that can be faked: mysqld_instance.h is the real one, fake_instance.h its
// in-memory twin. It carries out and reports, it has no policy: when to do what is decided in
// core/failover, and joined by service/agent.
//
// Calls match:  open claim (inspect | observe | an act)* stop
//
// One act at a time, except that observe(), exited(), fence(), kill(), record_origins() and
// reload_tls() may come at any time. All calls are made on one loop. Acts that find their goal
// reached already succeed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/server.h"
#include "core/cluster/topology.h"
#include "edge/io/task.h"

namespace dorsal::instance {

// What a node's folder must agree with, and what its server is configured with.
struct Identity {
  std::string cluster_uuid;
  cluster::NodeName node;
  cluster::ServerId server_id;
  std::uint32_t acks = 1;  // rpl_semi_sync_source_wait_for_replica_count
};

// A server to follow or to clone from.
struct Peer {
  std::string host;
  std::uint16_t port = 0;
};

inline constexpr std::size_t kBeatSlots = 16;

class Instance {
 public:
  virtual ~Instance() = default;

  // Takes the folder for this process, making it if needed, so that all there is to refuse is
  // refused before the node becomes a member. Invalid or Conflict, in a sentence, when it belongs
  // to another node or cluster (to any, if no uuid is given as the cluster is yet to be founded),
  // has a newer format, is in use by another process, or when the mysqld or its settings are not
  // usable.
  virtual io::Task<Result<void>> open(cluster::NodeName node,
                                      std::optional<std::string> cluster_uuid) = 0;

  // The folder is this node's from now on. Invalid as of open().
  virtual io::Task<Result<void>> claim(Identity identity) = 0;

  // Looks at folder, process and server. Never fails: a server that does not answer until the
  // deadline is reported as such.
  virtual io::Task<cluster::Server> observe(Deadline deadline) = 0;

  // Returns when the server's process has ended (at once when it does not run), or at the deadline.
  virtual io::Task<> exited(Deadline deadline) = 0;

  // ---- folder ----

  // Makes a Fresh folder out of an Empty or HalfMade one. Takes seconds; a kill in the middle
  // leaves it HalfMade.
  virtual io::Task<Result<void>> initialise(Deadline deadline) = 0;

  // Kills the server and empties the folder. Conflict when it holds the cluster's data.
  virtual io::Task<Result<void>> start_over(Deadline deadline) = 0;

  // Keeps these transactions of the node's for people, as binlog and as SQL (stray_folder.h), and
  // says what is kept where. Takes as long as the binlogs are large.
  virtual io::Task<Result<std::string>> save_strays(mysql::GtidSet strays, Deadline deadline) = 0;

  // Kills the server and empties the folder, also of the cluster's data.
  virtual io::Task<Result<void>> drop_data(Deadline deadline) = 0;

  // The same, but what was in the folder is kept for people, as damaged/ in the node's folder, in
  // the place of what is there.
  virtual io::Task<Result<void>> set_data_aside(Deadline deadline) = 0;

  // Turns Fresh or Cloning into Member. Of a completed clone it forgets the donor's own source.
  virtual io::Task<Result<void>> accept_data(Deadline deadline) = 0;

  // Keeps it in the node's folder, for observe() to tell, also after a restart; durable when it
  // returns. Timeout: the disk takes longer, and nobody waits for it.
  virtual io::Task<Result<void>> remember(cluster::Remembered remembered, Deadline deadline) = 0;

  // ---- process ----

  // Starts the process; observe() tells when it answers. It ends with us, however we end. It comes
  // up super_read_only, with replication stopped and semi-sync off, and with its relay logs on
  // disk.
  virtual io::Task<Result<void>> start() = 0;

  // SIGTERM, and SIGKILL at the deadline. Returns when the process is gone. REQUIRES: no other call
  // is under way.
  virtual io::Task<> stop(Deadline deadline) = 0;

  // SIGKILL; returns when the process is gone.
  virtual io::Task<> kill() = 0;

  // ---- roles ----

  // Takes writes from now on.
  virtual io::Task<Result<void>> open_for_writes(Deadline deadline) = 0;

  // Takes none any more. May hang behind clients that wait for acknowledgements: on Timeout the
  // caller kills.
  virtual io::Task<Result<void>> fence(Deadline deadline) = 0;

  // The same for a server that is well, as part of a switchover: open transactions may end for as
  // long as `drain`, and nobody is left in doubt (closing.h). After a failure it takes writes as
  // before. May run beside observe().
  virtual io::Task<Result<void>> close_for_writes(Duration drain, Deadline deadline) = 0;

  // Demands acknowledgements of so many replicas for every commit that begins from now on.
  virtual io::Task<Result<void>> require_acks(std::uint32_t count, Deadline deadline) = 0;

  // Demands none any more. REQUIRES: it is read-only and no client waits for any, since all who do
  // are told that their writes are safe.
  virtual io::Task<Result<void>> stop_requiring_acks(Deadline deadline) = 0;

  // Gives acknowledgements, or no longer does. A running receiver is restarted, as only that makes
  // the change take effect.
  virtual io::Task<Result<void>> give_acks(bool wanted, Deadline deadline) = 0;

  // ---- replication ----

  // Puts each event on disk as it is received, as a server does that was just started, or leaves
  // that to the file system. Once it is switched on, all that was received before is on disk too.
  virtual io::Task<Result<void>> sync_relay_log(bool wanted, Deadline deadline) = 0;

  virtual io::Task<Result<void>> start_receiver(Deadline deadline) = 0;

  virtual io::Task<Result<void>> stop_receiver(Deadline deadline) = 0;

  // REQUIRES: receiver is off and everything retrieved is applied. A transaction of which only a
  // part was retrieved is rolled back.
  virtual io::Task<Result<void>> stop_applier(Deadline deadline) = 0;

  // REQUIRES: the server demands no acknowledgements, for which its applier would wait.
  virtual io::Task<Result<void>> start_applier(Deadline deadline) = 0;

  // Returns when the transactions have been executed here, or at the deadline: then with Timeout.
  virtual io::Task<Result<void>> await_applied(mysql::GtidSet transactions, Deadline deadline) = 0;

  // REQUIRES: receiver and applier are off and everything retrieved is applied, since the relay log
  // is discarded.
  virtual io::Task<Result<void>> change_source(Peer source, Deadline deadline) = 0;

  // As start_applier(), with the receiver.
  virtual io::Task<Result<void>> start_replication(Deadline deadline) = 0;

  // Follows nobody from now on: applier stopped, source and relay log forgotten, no
  // acknowledgements given. REQUIRES: as for change_source().
  virtual io::Task<Result<void>> forget_source(Deadline deadline) = 0;

  // Behind forget_source(): waits until the server takes writes, and then records in its table
  // dorsal.commit_origin which connection of its old source committed what, as far back as its
  // relay logs told; for proxies whose clients were not told. How many transactions.
  virtual io::Task<Result<std::size_t>> record_origins(Deadline deadline) = 0;

  // Shows the certificate to new connections that is in its files now. After a failure it shows
  // that from before; Invalid: what is there is not good, in the server's own words.
  virtual io::Task<Result<void>> reload_tls(Deadline deadline) = 0;

  // ---- clone ----

  // Replaces a Fresh folder's content by the donor's. Success means that the server is restarting
  // with the new data: its process ends, and start() completes the clone. A failure that leaves the
  // server as it was (Unavailable: try again later, perhaps from another) turns the folder Fresh
  // again; after any other end it stays Cloning.
  virtual io::Task<Result<void>> clone_from(Peer donor) = 0;

  // ---- heartbeat ----

  // Writes the stamp into one row of the table of heartbeats. The commit may wait for
  // acknowledgements without end and keeps its row locked meanwhile, so each slot has a row and a
  // connection of its own. Slot 0 is the one that observe() reads. One call per slot at a time.
  virtual io::Task<Result<void>> beat(std::size_t slot,
                                      std::int64_t stamp_ms,
                                      Deadline deadline) = 0;
};

}  // namespace dorsal::instance
